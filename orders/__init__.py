"""The order-management core: what may happen to orders, stock, purchases and returns, and making it happen."""
