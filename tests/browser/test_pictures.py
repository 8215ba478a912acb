"""The pictures of docs/img are small, and each shows a page that there is."""

from tests.browser.pages import PATHS, picture_of
from tests.browser.png import SIGNATURE
from tests.browser.screenshots import FOLDER, ON_A_PHONE

MAX_BYTES = 100_000


def test_each_picture_is_of_a_page_and_small() -> None:
    known = {*map(picture_of, PATHS), *(f"{picture_of(path)}-phone" for path in ON_A_PHONE)}
    pictures = sorted(FOLDER.glob("*.png"))
    assert pictures
    for picture in pictures:
        content = picture.read_bytes()
        assert picture.stem in known, f"{picture.name}: there is no such page any more; make screenshots"
        assert content.startswith(SIGNATURE)
        assert len(content) <= MAX_BYTES, picture.name
