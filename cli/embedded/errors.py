class StartError(Exception):
    """Something cannot be started; the message is one line that says what to do."""
