"""Python values of parameters, as what is sent for them. Pure."""
