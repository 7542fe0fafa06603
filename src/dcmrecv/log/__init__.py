"""The log dialect: levels, log4cplus-style configuration, sentences and dumps."""
