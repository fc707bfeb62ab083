//! Units of measure, as people write them behind or before a number.

use super::words::{Cues, stem};

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Share,
    Money,
    Time,
    Length,
    Area,
    Volume,
    Mass,
    Temperature,
    Speed,
    Acceleration,
    Frequency,
    Current,
    Voltage,
    Charge,
    Power,
    Energy,
    Pressure,
    Force,
    Capacitance,
    Inductance,
    Resistance,
}

/// A unit, by what one of it is in the quantity's base unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    pub quantity: Quantity,
    /// 0 where it is not a mere multiple, as with degrees, or not fixed, as with currencies.
    pub factor: f64,
}

use Quantity::*;

/// Words and signs of a unit, in lower case unless case tells two apart; what
/// it measures; how much it is.
const UNITS: &[(&[&str], Quantity, f64)] = &[
    (&["%", "percent", "pct", "percentage"], Share, 0.01),
    (&["$", "usd", "dollar", "dollars", "bucks"], Money, 0.0),
    (&["€", "eur", "euro", "euros"], Money, 0.0),
    (
        &["£", "gbp", "¥", "yen", "rupees", "inr", "chf"],
        Money,
        0.0,
    ),
    (&["year", "years", "yr", "yrs"], Time, 31_536_000.0),
    (&["month", "months"], Time, 2_628_000.0),
    (&["week", "weeks"], Time, 604_800.0),
    (&["day", "days", "night", "nights"], Time, 86_400.0),
    (&["hour", "hours", "hr", "hrs", "h"], Time, 3_600.0),
    (&["minute", "minutes", "min", "mins"], Time, 60.0),
    (&["second", "seconds", "sec", "secs", "s"], Time, 1.0),
    (&["millisecond", "milliseconds", "ms"], Time, 1e-3),
    (
        &[
            "km",
            "kilometer",
            "kilometers",
            "kilometre",
            "kilometres",
            "kms",
        ],
        Length,
        1e3,
    ),
    (&["m", "meter", "meters", "metre", "metres"], Length, 1.0),
    (
        &[
            "cm",
            "centimeter",
            "centimeters",
            "centimetre",
            "centimetres",
        ],
        Length,
        1e-2,
    ),
    (
        &[
            "mm",
            "millimeter",
            "millimeters",
            "millimetre",
            "millimetres",
        ],
        Length,
        1e-3,
    ),
    (&["mile", "miles", "mi"], Length, 1_609.344),
    (&["ft", "foot", "feet"], Length, 0.3048),
    (&["inch", "inches"], Length, 0.0254),
    (&["yard", "yards"], Length, 0.9144),
    (&["pixel", "pixels", "px"], Length, 0.0),
    (
        &[
            "square feet",
            "sq ft",
            "sqft",
            "sq.ft",
            "sq. ft",
            "ft^2",
            "ft²",
        ],
        Area,
        0.0929,
    ),
    (
        &["square meters", "square metres", "sq m", "m^2", "m²", "m2"],
        Area,
        1.0,
    ),
    (&["hectares", "acres"], Area, 0.0),
    (
        &["m^3", "m³", "m3", "cubic meters", "cubic metres"],
        Volume,
        1.0,
    ),
    (&["liter", "liters", "litre", "litres", "l"], Volume, 1e-3),
    (&["ml", "milliliters", "millilitres"], Volume, 1e-6),
    (&["gallon", "gallons"], Volume, 0.003785),
    (
        &["kg", "kilogram", "kilograms", "kilo", "kilos", "kgs"],
        Mass,
        1.0,
    ),
    (&["g", "gram", "grams"], Mass, 1e-3),
    (&["lb", "lbs", "pound", "pounds"], Mass, 0.4536),
    (&["ton", "tons", "tonne", "tonnes"], Mass, 1e3),
    (
        &["°c", "° c", "celsius", "degrees celsius", "degree celsius"],
        Temperature,
        0.0,
    ),
    (
        &["°f", "° f", "fahrenheit", "degrees fahrenheit"],
        Temperature,
        0.0,
    ),
    (&["kelvin", "k"], Temperature, 0.0),
    (&["m/s", "meters per second", "meter/second"], Speed, 1.0),
    (&["km/h", "kmh", "kmph"], Speed, 0.27778),
    (&["mph", "miles per hour"], Speed, 0.44704),
    (
        &["m/s^2", "m/s²", "m/s2", "meters per second squared"],
        Acceleration,
        1.0,
    ),
    (&["hz", "hertz"], Frequency, 1.0),
    (&["khz"], Frequency, 1e3),
    (&["mhz"], Frequency, 1e6),
    (&["ampere", "amperes", "amps", "amp"], Current, 1.0),
    (&["volt", "volts", "v"], Voltage, 1.0),
    (&["coulomb", "coulombs"], Charge, 1.0),
    (&["watt", "watts", "w"], Power, 1.0),
    (&["kw", "kilowatt", "kilowatts"], Power, 1e3),
    (&["joule", "joules", "j"], Energy, 1.0),
    (&["pa", "pascal", "pascals"], Pressure, 1.0),
    (&["atm", "atmosphere", "atmospheres"], Pressure, 101_325.0),
    (&["newton", "newtons"], Force, 1.0),
    (&["farad", "farads"], Capacitance, 1.0),
    (&["µf", "μf", "uf"], Capacitance, 1e-6),
    (&["henry", "henries"], Inductance, 1.0),
    (&["mh"], Inductance, 1e-3),
    (&["ohm", "ohms", "ω"], Resistance, 1.0),
];

/// Words by which parameters name a quantity without a unit.
const NAMED: &[(Quantity, &[&str])] = &[
    (
        Share,
        &[
            "rate",
            "percent",
            "percentage",
            "discount",
            "interest",
            "yield",
            "return",
            "growth",
            "share",
            "ratio",
            "probability",
            "tax",
        ],
    ),
    (
        Money,
        &[
            "price",
            "cost",
            "budget",
            "amount",
            "salary",
            "income",
            "investment",
            "principal",
            "revenue",
            "deposit",
            "loan",
            "payment",
            "fee",
            "principl",
            "invested",
            "profit",
            "payout",
            "equity",
            "dividend",
            "dividends",
            "sales",
            "money",
        ],
    ),
    (
        Time,
        &["duration", "time", "period", "term", "age", "timeframe"],
    ),
    (
        Length,
        &[
            "distance", "length", "height", "width", "radius", "depth", "diameter", "altitude",
            "base", "side",
        ],
    ),
    (Area, &["area"]),
    (Volume, &["volume", "capacity"]),
    (Mass, &["mass", "weight"]),
    (Temperature, &["temperature", "temp"]),
    (Speed, &["speed", "velocity"]),
    (Acceleration, &["acceleration", "gravity"]),
    (Frequency, &["frequency", "bandwidth"]),
    (Current, &["current"]),
    (Voltage, &["voltage"]),
    (Charge, &["charge"]),
    (Power, &["power", "wattage"]),
    (Energy, &["energy"]),
    (Pressure, &["pressure"]),
    (Force, &["force"]),
    (Capacitance, &["capacitance"]),
    (Inductance, &["inductance"]),
    (Resistance, &["resistance"]),
];

/// The unit that the text begins with, and how many bytes it takes.
pub fn unit_at(text: &str) -> Option<(Unit, usize)> {
    let lower = text.to_lowercase();
    let spaces = lower.len() - lower.trim_start().len();
    // Behind one space, or glued to the number.
    let rest = (spaces <= 1 && lower.len() == text.len()).then(|| lower.trim_start())?;
    let fits = |word: &str| {
        let after = rest.strip_prefix(word)?;
        let whole = !after.chars().next().is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '/' | '^' | '²' | '³') && word != "%"
        });
        let is_sign = !word.ends_with(char::is_alphanumeric);
        (whole || is_sign).then_some(word.len())
    };
    UNITS
        .iter()
        .flat_map(|(words, quantity, factor)| {
            let unit = Unit {
                quantity: *quantity,
                factor: *factor,
            };
            words
                .iter()
                .filter_map(move |word| Some((unit, fits(word)?)))
        })
        .max_by_key(|(_, length)| *length)
        .map(|(unit, length)| (unit, spaces + length))
}

/// What a parameter measures, and in which unit where it says so.
pub fn unit_of(cues: &Cues) -> (Option<Quantity>, Option<Unit>) {
    let by_name = NAMED
        .iter()
        .find(|(_, words)| {
            words
                .iter()
                .any(|word| cues.is_named(&[stem(word).as_str()]))
        })
        .map(|(quantity, _)| *quantity);
    // `weight_kg`, "in meters": single letters say too little.
    let said = UNITS.iter().find(|(words, quantity, _)| {
        by_name.is_none_or(|name| name == *quantity)
            && words
                .iter()
                .any(|word| word.len() > 1 && super::words::word_in(&cues.text, word))
    });
    let unit = said.map(|(_, quantity, factor)| Unit {
        quantity: *quantity,
        factor: *factor,
    });
    let about = || {
        NAMED
            .iter()
            .find(|(_, words)| words.iter().any(|word| cues.about.contains(&stem(word))))
            .map(|(quantity, _)| *quantity)
    };
    let quantity = by_name.or(unit.map(|unit| unit.quantity)).or_else(about);
    (quantity, unit)
}
