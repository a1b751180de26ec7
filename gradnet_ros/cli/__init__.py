"""The ``gradnet`` command: one file a sub-command, each a thin shell over the library."""
