"""Stock decisions: costs, lots and demand distributions in, quantities out."""

from optimization.eoq import EconomicOrder, economic_order_quantity
from optimization.infeasible import Infeasible
from optimization.lot_sizing import lot_size, order_quantity_to
from optimization.safety_stock_lp import StockLevels, safety_stock_levels
from optimization.shortage import ShortageCurves, shortage_curves

__all__ = [
    "EconomicOrder",
    "Infeasible",
    "ShortageCurves",
    "StockLevels",
    "economic_order_quantity",
    "lot_size",
    "order_quantity_to",
    "safety_stock_levels",
    "shortage_curves",
]
