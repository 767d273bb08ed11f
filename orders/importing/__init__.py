"""Files into the database: each import is one transaction that either stores a file whole or nothing of it."""

from orders.importing.book import OrderImport
from orders.importing.files import FileImport
from orders.importing.items import import_items
from orders.importing.order_book import import_orders
from orders.importing.parcels import import_parcels
from orders.importing.purchases import import_purchases
from orders.importing.report import ImportReport
from orders.importing.stock import StockImport, import_stock

__all__ = [
    "FileImport",
    "ImportReport",
    "OrderImport",
    "StockImport",
    "import_items",
    "import_orders",
    "import_parcels",
    "import_purchases",
    "import_stock",
]
