"""What a server does where its documentation is silent, found by asking it."""
