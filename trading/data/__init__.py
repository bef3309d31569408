"""Facts about the market that nobody here decides: for now the sessions of the exchange."""
