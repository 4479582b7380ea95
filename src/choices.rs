//! Choices of the theory on command lines: by its own names, with a word on each for `--help`.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use ncsn_theory::schedule::{DataRange, Law, Rounding};

/// `--law`.
pub fn law() -> impl TypedValueParser<Value = Law> {
    parser(Law::ALL, Law::name, |law| match law {
        Law::Normal => "The normal limit, as in the paper",
        Law::Chi => "The exact chi law",
    })
}

/// `--rounding`.
pub fn rounding() -> impl TypedValueParser<Value = Rounding> {
    parser(Rounding::ALL, Rounding::name, |rule| match rule {
        Rounding::CeilPlusOne => "Guarantees the overlap",
        Rounding::FloorPlusOne => "What was published",
        Rounding::Ceil => "One level fewer than ceil+1",
        Rounding::Floor => "One level fewer than floor+1",
        Rounding::RoundPlusOne => "To the nearest",
    })
}

/// `--data-range`.
pub fn data_range() -> impl TypedValueParser<Value = DataRange> {
    parser(DataRange::ALL, DataRange::name, |range| match range {
        DataRange::Unit => "Pixels in [0, 1]",
        DataRange::Signed => "Pixels in [-1, 1]: noise levels double",
        DataRange::Native => "Floating-point values in their own units",
    })
}

/// Reads one of the names.
fn parser<T, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + FromStr<Err = ncsn_theory::Error> + Send + Sync + 'static,
{
    let values = all.map(|choice| PossibleValue::new(name(choice)).help(help(choice)));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<T>())
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    #[test]
    fn every_name_of_the_theory_is_taken_and_no_other() {
        let parse = |text: &str| {
            let arg = Arg::new("rule").value_parser(rounding());
            let matches = Command::new("test").arg(arg).try_get_matches_from(["test", text]).ok()?;
            matches.get_one::<Rounding>("rule").copied()
        };
        assert_eq!(Rounding::ALL.map(|rule| parse(rule.name())), Rounding::ALL.map(Some));
        assert_eq!(parse("up"), None);
    }
}
