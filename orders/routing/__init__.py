"""How the route of an order is found: its records, what a set of places sends, and the search for the best set."""
