"""What each caller of the admin socket may do, by the configuration in force."""

from wacrmd.admin.identity import Peer, levels
from wacrmd.config import Config
from wacrmd.domain.actor import Level


class AdminAccess:
    """The level of each caller of the admin socket, by the groups in the configuration in force."""

    def __init__(self, config: Config) -> None:
        self.adopt(config)

    def adopt(self, config: Config) -> None:
        """Use the groups of another configuration; raises ConfigError, and then nothing is changed."""
        self._levels = levels(config.admin.admin_groups, config.admin.operator_groups)

    def level_of(self, peer: Peer) -> Level:
        """The level of the process that has connected."""
        return self._levels.of(peer)
