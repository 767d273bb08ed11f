"""The suppliers, what they quote and how they really deliver."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.samples.arrays import IntArray

SHORT_DELIVERY_RATE = 0.02


@dataclass(frozen=True)
class Supplier:
    """Who delivers which categories.

    Attributes:
        lead_time_bias: True mean lead time over the quoted one.
        lead_time_cv: Standard deviation of the true lead time over its mean.
    """

    name: str
    categories: tuple[str, ...]
    lead_time_days: int
    lead_time_bias: float
    lead_time_cv: float


SUPPLIERS = (
    Supplier("Arnholt Küchenbedarf", ("Kitchen", "Dining"), 7, 1.00, 0.10),
    Supplier("Bergmann & Söhne Metallwaren", ("Kitchen",), 10, 1.05, 0.15),
    Supplier("Casa Ventura Lda", ("Kitchen", "Dining"), 21, 1.10, 0.20),
    Supplier("Ningbo Brightway Housewares", ("Kitchen", "Storage"), 49, 1.35, 0.35),
    Supplier("Dalby Trä AB", ("Kitchen", "Storage"), 14, 1.00, 0.12),
    Supplier("Ceramica Montelupa", ("Dining", "Gifts"), 24, 1.15, 0.22),
    Supplier("Glashütte Rabenau", ("Dining",), 12, 1.05, 0.12),
    Supplier("Porzellan Tettau Vertrieb", ("Dining", "Gifts"), 14, 1.00, 0.10),
    Supplier("Anatolia Home Tekstil", ("Textiles",), 28, 1.12, 0.20),
    Supplier("Weberei Oberlausitz", ("Textiles",), 10, 1.00, 0.12),
    Supplier("Jaipur Loom Collective", ("Textiles", "Gifts"), 45, 1.60, 0.45),
    Supplier("Vlaams Linnen NV", ("Textiles",), 12, 1.05, 0.15),
    Supplier("Kistenwerk Spreewald", ("Storage",), 8, 1.00, 0.10),
    Supplier("Hanoi Rattan Export", ("Storage", "Outdoor"), 52, 1.18, 0.25),
    Supplier("Polybox Systems", ("Storage",), 6, 1.05, 0.15),
    Supplier("Lumenta Leuchten", ("Lighting",), 9, 1.02, 0.12),
    Supplier("Zhongshan Luxor Lighting", ("Lighting",), 47, 1.45, 0.40),
    Supplier("Nordlys Belysning", ("Lighting", "Gifts"), 16, 1.05, 0.15),
    Supplier("Gärtnerbedarf Hollenstedt", ("Garden",), 6, 1.00, 0.12),
    Supplier("Terracotta Impruneta", ("Garden",), 20, 1.10, 0.20),
    Supplier("Tilburg Tuinwerk", ("Garden", "Outdoor"), 9, 1.05, 0.12),
    Supplier("Feuerhand Grillbau", ("Outdoor",), 14, 1.08, 0.15),
    Supplier("Qingdao Sunfield Outdoor", ("Outdoor", "Garden"), 55, 1.25, 0.30),
    Supplier("Kerzenmanufaktur Elbtal", ("Gifts",), 8, 1.00, 0.10),
    Supplier("Erzgebirge Handwerk eG", ("Gifts",), 18, 1.50, 0.45),
)


def true_lead_time_days(rng: np.random.Generator, supplier: Supplier) -> int:
    """Days from order to receipt, gamma distributed, at least one."""
    shape = supplier.lead_time_cv**-2
    mean = supplier.lead_time_days * supplier.lead_time_bias
    return max(1, round(rng.gamma(shape, mean / shape)))


def quoted_lead_times() -> IntArray:
    """Days, shape (supplier,)."""
    return np.array([supplier.lead_time_days for supplier in SUPPLIERS])


def supplier_truth() -> pd.DataFrame:
    """The lead times behind the purchases: supplier, quoted, bias and variation."""
    rows = [(s.name, s.lead_time_days, s.lead_time_bias, s.lead_time_cv) for s in SUPPLIERS]
    return pd.DataFrame(rows, columns=["supplier", "lead_time_days", "lead_time_bias", "lead_time_cv"])
