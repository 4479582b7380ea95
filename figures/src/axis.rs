//! Numbers along an axis: where they lie, and which are written.

/// An axis of a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What is measured, and its unit.
    pub label: String,
    /// Whether equal lengths are equal ratios.
    pub logarithmic: bool,
}

impl Axis {
    /// Equal lengths are equal differences.
    #[must_use]
    pub fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), logarithmic: false }
    }

    /// Equal lengths are equal ratios.
    #[must_use]
    pub fn logarithmic(label: &str) -> Self {
        Self { label: label.to_owned(), logarithmic: true }
    }

    /// Whether a number has a place on it.
    pub(crate) fn holds(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }
}

/// Marks of an axis, in rising order, and the range that they span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    logarithmic: bool,
    pub ends: [f64; 2],
    pub marks: Vec<f64>,
}

/// Intervals between marks that are aimed at.
const INTERVALS: f64 = 6.0;

impl Scale {
    /// A scale over all values of an axis; nothing where it holds none of them.
    pub(crate) fn over(axis: &Axis, values: impl Iterator<Item = f64>) -> Option<Self> {
        let ends = values.filter(|&value| axis.holds(value)).fold(None, |ends, value| {
            let [least, most] = ends.unwrap_or([value; 2]);
            Some([value.min(least), value.max(most)])
        })?;
        Some(if axis.logarithmic { logarithmic(ends) } else { linear(ends) })
    }

    /// The scale that ends with the values rather than with the marks around them, where two marks are left.
    pub(crate) fn cropped(self, values: impl Iterator<Item = f64>) -> Self {
        let within = |value: &f64| (self.ends[0]..=self.ends[1]).contains(value);
        let [least, most] = values
            .filter(within)
            .fold([self.ends[1], self.ends[0]], |[least, most], value| [value.min(least), value.max(most)]);
        // A mark that rounding puts beyond the values is theirs.
        let near = 1e-9 * (self.ends[1] - self.ends[0]);
        let inside = |mark: &f64| (least - near..=most + near).contains(mark);
        let marks: Vec<f64> = self.marks.iter().copied().filter(inside).collect();
        let [first, .., last] = marks[..] else { return self };
        Self { ends: [least.min(first), most.max(last)], marks, ..self }
    }

    /// Where a value lies: 0 at the lower end, 1 at the upper.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let at = |value: f64| if self.logarithmic { value.ln() } else { value };
        let [least, most] = self.ends.map(at);
        (at(value) - least) / (most - least)
    }

    /// The mark as text, with the decimals that its neighbours need.
    pub(crate) fn text(&self, mark: f64) -> String {
        let step = if self.logarithmic { mark } else { self.marks[1] - self.marks[0] };
        text(mark, step)
    }
}

/// Ends and marks at multiples of 1, 2 or 5 times a power of ten.
fn linear([least, most]: [f64; 2]) -> Scale {
    // Equal values, or ones that differ by rounding alone, are given room.
    let size = least.abs().max(most.abs());
    let [least, most] = if most - least > 1e-12 * size {
        [least, most]
    } else {
        let room = if size > 0.0 { 0.5 * size } else { 1.0 };
        [least - room, most + room]
    };
    let rough = (most - least) / INTERVALS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|&step| step * power >= rough).unwrap_or(10.0);
    let (first, last) = ((least / step).floor(), (most / step).ceil());
    let marks: Vec<f64> = (0..=(last - first) as usize).map(|k| (first + k as f64) * step).collect();
    Scale { logarithmic: false, ends: [first * step, last * step], marks }
}

/// Ends and marks at powers of ten, over few of them also at 2 and 5 times each, within one as on a linear axis.
fn logarithmic([least, most]: [f64; 2]) -> Scale {
    let within = linear([least, most]);
    if most < 10.0 * least && within.ends[0] > 0.0 {
        return Scale { logarithmic: true, ..within };
    }
    let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    let last = last.max(first + 1);
    let factors: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = (last - first).unsigned_abs().div_ceil(8);
    let all = (first..=last).step_by(every as usize).flat_map(|power| {
        // Parsed, a power of ten is the nearest double.
        let unit: f64 = format!("1e{power}").parse().unwrap_or(f64::MIN_POSITIVE);
        factors.iter().map(move |factor| factor * unit)
    });
    let all: Vec<f64> = all.collect();
    // The single-precision number of 0.01 has its mark there too.
    let near = |mark: &f64| (least / 1.0001..=most * 1.0001).contains(mark);
    let inside: Vec<f64> = all.iter().copied().filter(near).collect();
    if let [first, _, ..] = inside[..] {
        let ends = [least.min(first), most.max(inside[inside.len() - 1])];
        return Scale { logarithmic: true, ends, marks: inside };
    }
    // Not more than a mark beyond the values on either side.
    let from = all.iter().rposition(|&mark| mark <= least).unwrap_or(0);
    let to = all.iter().position(|&mark| mark >= most).unwrap_or(all.len() - 1).max(from + 1);
    let marks = all[from..=to.min(all.len() - 1)].to_vec();
    let ends = [marks[0].min(least), marks[marks.len() - 1].max(most)];
    Scale { logarithmic: true, ends, marks }
}

/// A number in as many digits as tell it from those `step` away.
fn text(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if (1e-3..1e6).contains(&size) || step == 0.0 {
        let decimals = (-step.abs().log10().floor()).clamp(0.0, 12.0) as usize;
        return grouped(&format!("{value:.decimals$}"));
    }
    let digits = (size.log10().floor() - step.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let written = format!("{value:.digits$e}");
    let (mantissa, power) = written.split_once('e').unwrap_or((&written, "0"));
    let (mantissa, power) = (mantissa.replace('-', "−"), power.chars().map(raised).collect::<String>());
    if mantissa == "1" { format!("10{power}") } else { format!("{mantissa}·10{power}") }
}

/// The digits before the point in groups of three, if there are more than four.
fn grouped(number: &str) -> String {
    let (whole, rest) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    if digits.len() < 5 {
        return format!("{sign}{digits}{rest}");
    }
    let first = digits.len() % 3;
    let groups =
        digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (first > 0).then(|| digits[..first].to_owned());
    format!("{sign}{}{rest}", head.into_iter().chain(groups).collect::<Vec<_>>().join(","))
}

fn raised(character: char) -> char {
    match character {
        '-' => '⁻',
        digit => char::to_digit(digit, 10)
            .map_or(digit, |digit| ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(axis: &Axis, values: &[f64]) -> Vec<String> {
        let scale = Scale::over(axis, values.iter().copied()).expect("values");
        scale.marks.iter().map(|&mark| scale.text(mark)).collect()
    }

    #[test]
    fn marks_are_round_numbers() {
        let linear = Axis::linear("");
        assert_eq!(marks(&linear, &[0.0, 1.0]), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            marks(&linear, &[0.0, 100_000.0]),
            ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]
        );
        assert_eq!(marks(&linear, &[-3.0, 3.0]), ["−3", "−2", "−1", "0", "1", "2", "3"]);
        assert_eq!(marks(&linear, &[0.0, 4e-6]), ["0", "10⁻⁶", "2·10⁻⁶", "3·10⁻⁶", "4·10⁻⁶"]);
        assert_eq!(marks(&linear, &[7.0]), ["2", "4", "6", "8", "10", "12"]);
        let logarithmic = Axis::logarithmic("");
        assert_eq!(marks(&logarithmic, &[0.01, 50.0]), ["0.01", "0.1", "1", "10"]);
        assert_eq!(marks(&logarithmic, &[14.0, 410.0]), ["20", "50", "100", "200"]);
        assert_eq!(marks(&logarithmic, &[266.5, 292.5])[..3], ["265", "270", "275"]);
        assert_eq!(marks(&logarithmic, &[1e-9, 1e9])[..2], ["10⁻⁹", "10⁻⁶"]);
    }

    #[test]
    fn a_cropped_scale_ends_with_its_values() {
        let cropped = |values: &[f64]| {
            let over = Scale::over(&Axis::linear(""), values.iter().copied()).expect("values");
            over.cropped(values.iter().copied())
        };
        let scale = cropped(&[0.0, 6.1]);
        assert_eq!((scale.ends, scale.marks), ([0.0, 6.1], vec![0.0, 2.0, 4.0, 6.0]));
        // Between two marks there is nothing to crop to.
        assert_eq!(cropped(&[7.0]).ends, [2.0, 12.0]);
        assert_eq!(cropped(&[0.0, 1.0]).ends, [0.0, 1.0]);
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        let values = [f64::NAN, -1.0, 0.0, f64::INFINITY, 2.0, 3.0];
        let scale = Scale::over(&Axis::logarithmic(""), values.into_iter()).expect("two values");
        assert_eq!(scale.ends, [2.0, 3.0]);
        assert_eq!(Scale::over(&Axis::linear(""), [f64::NAN].into_iter()), None);
    }

    proptest::proptest! {
        #[test]
        fn every_value_has_its_place_and_marks_rise(
            values in proptest::collection::vec(-1e30..1e30_f64, 1..5),
            scale in -20..20_i32,
        ) {
            let values = values.iter().map(|value| value * 10_f64.powi(scale));
            for axis in [Axis::linear(""), Axis::logarithmic("")] {
                let Some(found) = Scale::over(&axis, values.clone()) else { continue };
                proptest::prop_assert!((2..=18).contains(&found.marks.len()), "{found:?}");
                proptest::prop_assert!(found.marks.is_sorted_by(|a, b| a < b), "{found:?}");
                for value in values.clone().filter(|&value| axis.holds(value)) {
                    proptest::prop_assert!((-1e-9..1.0 + 1e-9).contains(&found.place(value)), "{found:?}");
                }
            }
        }
    }
}
