"""Names, directories and files: from a C-STORE to a published object."""
