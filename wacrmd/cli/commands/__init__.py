"""The commands for the daemon, one module for each noun or group; each calls methods of the admin socket."""
