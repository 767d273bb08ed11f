"""The words, sizes and usual prices the product range is composed of."""

from dataclasses import dataclass

CATEGORY_PREFIX = {
    "Kitchen": "KIT", "Dining": "DIN", "Textiles": "TEX", "Storage": "STO",
    "Lighting": "LIG", "Garden": "GAR", "Outdoor": "OUT", "Gifts": "GIF",
}  # fmt: skip
CATEGORIES = tuple(CATEGORY_PREFIX)


@dataclass(frozen=True)
class ProductLine:
    """A noun that comes in several materials and sizes.

    Attributes:
        price: Usual retail price of the middle size, EUR.
        volume: Litres of the packed middle size.
    """

    category: str
    noun: str
    materials: tuple[str, ...]
    sizes: tuple[str, ...]
    price: float
    volume: float


def _lines(category: str, *rows: tuple[str, str, str, float, float]) -> tuple[ProductLine, ...]:
    """Rows of noun, materials, sizes, price and volume; `|` separates materials and sizes."""
    return tuple(
        ProductLine(category, noun, tuple(materials.split("|")), tuple(sizes.split("|")), price, volume)
        for noun, materials, sizes, price, volume in rows
    )


PRODUCT_LINES = (
    *_lines(
        "Kitchen",
        ("Chopping Board", "Oak|Acacia|Bamboo|Beech", "30 cm|38 cm|45 cm", 24.0, 3.0),
        ("Frying Pan", "Cast Iron|Carbon Steel|Copper|Ceramic-Coated", "20 cm|24 cm|28 cm", 44.0, 6.0),
        ("Saucepan", "Stainless Steel|Enamel|Copper|Aluminium", "1.5 l|2.2 l|3 l", 39.0, 7.0),
        ("Roasting Tin", "Enamel|Stainless Steel|Carbon Steel|Aluminium", "30 cm|36 cm|42 cm", 27.0, 8.0),
        ("Mixing Bowl", "Stainless Steel|Melamine|Glass|Stoneware", "2 l|3 l|5 l", 17.0, 5.0),
        ("Chef's Knife", "Damascus|Stainless Steel|Carbon Steel|Ceramic", "15 cm|18 cm|20 cm", 52.0, 1.0),
        ("Storage Jar", "Glass|Stoneware|Tinplate|Bamboo-Lid Glass", "0.5 l|1 l|2 l", 11.0, 1.6),
        ("Rolling Pin", "Beech|Marble|Walnut|Silicone", "25 cm|35 cm|45 cm", 16.0, 1.5),
        ("Kettle", "Enamel|Stainless Steel|Copper|Glass", "1 l|1.6 l|2 l", 42.0, 6.0),
        ("Utensil Set", "Olive Wood|Silicone|Beech|Stainless Steel", "3 pieces|5 pieces|7 pieces", 22.0, 2.0),
    ),
    *_lines(
        "Dining",
        ("Dinner Plate", "Stoneware|Porcelain|Enamel|Bone China", "24 cm|26 cm|28 cm", 13.0, 1.2),
        ("Cereal Bowl", "Stoneware|Porcelain|Enamel|Acacia", "14 cm|16 cm|18 cm", 10.0, 1.1),
        ("Mug", "Stoneware|Porcelain|Enamel|Double-Wall Glass", "250 ml|350 ml|450 ml", 9.5, 0.9),
        ("Wine Glasses", "Crystal|Soda-Lime|Smoked|Recycled Glass", "set of 2|set of 4|set of 6", 29.0, 6.0),
        ("Carafe", "Glass|Stoneware|Smoked Glass|Recycled Glass", "0.75 l|1 l|1.5 l", 21.0, 3.0),
        ("Serving Platter", "Acacia|Slate|Porcelain|Stoneware", "30 cm|36 cm|42 cm", 28.0, 3.5),
        ("Cutlery Set", "Stainless Steel|Brass-Tone|Black|Bead-Edge", "16-part|24-part|30-part", 64.0, 4.0),
        ("Salad Servers", "Olive Wood|Acacia|Horn|Stainless Steel", "25 cm|28 cm|32 cm", 15.0, 0.8),
        ("Teapot", "Cast Iron|Porcelain|Glass|Stoneware", "0.6 l|0.9 l|1.2 l", 34.0, 4.0),
    ),
    *_lines(
        "Textiles",
        ("Bath Towel", "Cotton|Bamboo|Waffle|Linen-Cotton", "50 x 90 cm|70 x 140 cm|90 x 150 cm", 19.0, 3.0),
        ("Cushion Cover", "Linen|Velvet|Cotton|Bouclé", "40 x 40 cm|45 x 45 cm|50 x 50 cm", 18.0, 1.0),
        ("Throw", "Lambswool|Cotton|Mohair|Fleece", "130 x 170 cm|150 x 200 cm|200 x 220 cm", 49.0, 8.0),
        ("Duvet Cover", "Percale|Linen|Sateen|Flannel", "135 x 200 cm|155 x 220 cm|200 x 200 cm", 69.0, 5.0),
        ("Tea Towel Set", "Linen|Cotton|Half-Linen|Waffle", "2 pieces|3 pieces|5 pieces", 14.0, 0.8),
        ("Tablecloth", "Linen|Cotton|Jacquard|Oilcloth", "130 x 170 cm|140 x 220 cm|150 x 260 cm", 42.0, 2.5),
        ("Curtain", "Linen|Velvet|Voile|Blackout", "140 x 225 cm|140 x 245 cm|140 x 270 cm", 46.0, 5.0),
        ("Bath Mat", "Cotton|Chenille|Bamboo|Cork", "50 x 60 cm|50 x 80 cm|60 x 100 cm", 21.0, 4.0),
        ("Rug", "Jute|Wool|Cotton|Recycled PET", "60 x 90 cm|80 x 150 cm|120 x 180 cm", 79.0, 25.0),
    ),
    *_lines(
        "Storage",
        ("Basket", "Rattan|Seagrass|Water Hyacinth|Felt", "25 cm|32 cm|40 cm", 23.0, 15.0),
        ("Crate", "Pine|Beech|Steel|Recycled Plastic", "12 l|24 l|40 l", 19.0, 24.0),
        ("Laundry Hamper", "Bamboo|Rattan|Canvas|Felt", "50 l|70 l|90 l", 44.0, 60.0),
        ("Shelf Organiser", "Bamboo|Steel|Acrylic|Beech", "2 tiers|3 tiers|4 tiers", 26.0, 10.0),
        ("Lidded Box", "Felt|Cardboard|Linen|Recycled Plastic", "8 l|15 l|28 l", 13.0, 15.0),
        ("Coat Rack", "Oak|Beech|Steel|Walnut", "4 hooks|6 hooks|8 hooks", 38.0, 8.0),
        ("Shoe Bench", "Bamboo|Oak|Pine|Steel", "60 cm|80 cm|100 cm", 89.0, 70.0),
        ("Drawer Insert", "Bamboo|Acrylic|Beech|Felt", "3 trays|5 trays|7 trays", 18.0, 3.0),
    ),
    *_lines(
        "Lighting",
        ("Table Lamp", "Ceramic|Brass|Oak|Smoked Glass", "30 cm|42 cm|55 cm", 64.0, 20.0),
        ("Pendant Light", "Rattan|Brass|Opal Glass|Concrete", "25 cm|35 cm|45 cm", 84.0, 30.0),
        ("Floor Lamp", "Brass|Matt Black|Oak|Arc Steel", "140 cm|155 cm|170 cm", 129.0, 45.0),
        ("Wall Light", "Brass|Matt Black|Plaster|Opal Glass", "15 cm|20 cm|30 cm", 56.0, 6.0),
        ("LED Bulb", "Filament|Opal|Dimmable|Smoked Glass", "470 lm|806 lm|1055 lm", 7.9, 0.4),
        ("Clip Lamp", "Matt Black|Brass|White|Sage Green", "20 cm|25 cm|30 cm", 32.0, 4.0),
        ("Night Light", "Porcelain|Silicone|Beech|Paper", "8 cm|12 cm|16 cm", 19.0, 1.2),
        ("Lampshade", "Linen|Rattan|Pleated Cotton|Paper", "25 cm|35 cm|45 cm", 34.0, 18.0),
    ),
    *_lines(
        "Garden",
        ("Plant Pot", "Terracotta|Glazed|Fibre Clay|Zinc", "18 cm|26 cm|36 cm", 19.0, 14.0),
        ("Watering Can", "Galvanised|Enamel|Copper|Recycled Plastic", "1.5 l|5 l|9 l", 27.0, 12.0),
        ("Hand Trowel", "Stainless Steel|Forged|Ash-Handled|Copper", "narrow|standard|wide", 16.0, 0.8),
        ("Secateurs", "Bypass|Anvil|Forged|Ratchet", "18 cm|20 cm|22 cm", 29.0, 0.6),
        ("Raised Bed", "Larch|Corten Steel|Galvanised|Recycled Plastic", "60 cm|100 cm|140 cm", 119.0, 60.0),
        ("Trellis", "Willow|Larch|Powder-Coated|Bamboo", "120 cm|150 cm|180 cm", 32.0, 20.0),
        ("Garden Hose", "Textile|Reinforced|Spiral|Drinking-Safe", "15 m|25 m|50 m", 39.0, 15.0),
        ("Planter Box", "Zinc|Larch|Fibre Clay|Rattan-Look", "40 cm|60 cm|80 cm", 44.0, 35.0),
        ("Bird Feeder", "Cedar|Copper|Steel|Recycled Plastic", "small|medium|large", 23.0, 5.0),
    ),
    *_lines(
        "Outdoor",
        ("Folding Chair", "Acacia|Eucalyptus|Aluminium|Steel", "low|standard|high-back", 59.0, 45.0),
        ("Parasol", "Olefin|Polyester|Recycled PET|Cotton", "2 m|2.5 m|3 m", 99.0, 40.0),
        ("Charcoal Grill", "Enamel|Stainless Steel|Cast Iron|Black Steel", "37 cm|47 cm|57 cm", 149.0, 80.0),
        ("Lantern", "Galvanised|Rattan|Teak|Matt Black", "22 cm|34 cm|48 cm", 31.0, 12.0),
        ("Picnic Blanket", "Wool|Fleece|Cotton|Waxed Canvas", "130 x 150 cm|150 x 200 cm|2 x 2 m", 36.0, 8.0),
        ("Hammock", "Cotton|Quick-Dry|Rope|Recycled PET", "single|double|family", 69.0, 12.0),
        ("Side Table", "Acacia|Terrazzo|Steel|Rattan", "38 cm|45 cm|55 cm", 72.0, 40.0),
        ("Fire Bowl", "Corten Steel|Cast Iron|Enamel|Stainless Steel", "45 cm|60 cm|75 cm", 109.0, 50.0),
        ("Cool Bag", "Waxed Canvas|Recycled PET|Polyester|Jute", "8 l|16 l|25 l", 33.0, 8.0),
    ),
    *_lines(
        "Gifts",
        ("Scented Candle", "Fig|Cedarwood|Sea Salt|Orange Blossom", "120 g|220 g|400 g", 18.0, 1.0),
        ("Photo Frame", "Oak|Brass|Walnut|Matt Black", "10 x 15 cm|13 x 18 cm|20 x 30 cm", 17.0, 1.5),
        ("Bauble Set", "Glass|Straw|Velvet|Paper", "4 pieces|6 pieces|12 pieces", 16.0, 3.0),
        ("Wreath", "Eucalyptus|Fir|Dried Flower|Felt", "25 cm|35 cm|45 cm", 34.0, 15.0),
        ("Vase", "Stoneware|Opal Glass|Terracotta|Recycled Glass", "15 cm|22 cm|30 cm", 26.0, 5.0),
        ("Candle Pyramid", "Beech|Spruce|Walnut|Painted", "1 tier|2 tiers|3 tiers", 74.0, 14.0),
        ("Advent Calendar", "Felt|Linen|Paper|Beech", "24 pockets|24 drawers|24 boxes", 38.0, 8.0),
        ("Tea Gift Box", "Herbal|Green|Black|Rooibos", "6 tins|9 tins|12 tins", 24.0, 2.0),
        ("Incense Smoker", "Spruce|Beech|Painted|Walnut", "12 cm|16 cm|20 cm", 29.0, 1.5),
    ),
)  # fmt: skip
