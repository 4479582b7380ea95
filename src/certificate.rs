//! Certificates: schedules as constants for the proofs in `proofs/`, whose fixed checker accepts or rejects them.
//!
//! This file is trusted with nothing. What a certificate proves is `is_certified` in `proofs/theories/Statements.v`; a
//! wrong constant makes its proof fail.

use anyhow::{Result, ensure};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::check::Spacing;
use ncsn_theory::schedule::{Law, Rounding, Schedule, gamma_root, num_levels};

/// T up to which certificates have been tried.
const MAX_STEPS: u64 = 1_000_000;

/// The text of a Coq file that proves a schedule right.
///
/// # Arguments
/// * `name` — of the data set, for a comment
///
/// # Errors
/// The law of the exact radius; T above 1,000,000; numbers that do not follow from Techniques 2 and 4,
/// so that no proof exists.
pub fn certificate(name: &str, schedule: &Schedule, spacing: Spacing) -> Result<String> {
    let Spacing { target, law, rounding } = spacing;
    ensure!(law == Law::Normal, "law is {}, but certificates are for the normal law", law.name());
    let steps = schedule.steps_per_level();
    ensure!(steps <= MAX_STEPS, "steps_per_level is {steps}, certificates allow: 1 to {MAX_STEPS}");
    let root = gamma_root(schedule.dim(), target, law)?;
    ensure!(
        root.lo().next_up() == root.hi(),
        "gamma_root is enclosed by {root}, certificates need neighbouring doubles"
    );
    let levels = num_levels(schedule.range(), root, rounding)?;
    ensure!(
        schedule.num_levels() == levels,
        "num_levels is {}, but overlap {target} and {} give {levels}",
        schedule.num_levels(),
        rounding.name()
    );
    let epsilon = schedule.epsilon();
    let optimal = schedule.optimal_epsilon()?;
    // A file's number may stem from an enclosure that was wider.
    let around = optimal.hull(Interval::point(epsilon));
    ensure!(
        around.width() <= 1e-9 * epsilon,
        "epsilon is {epsilon:e}, but the minimiser of Technique 4 is {:e}",
        optimal.mid()
    );
    let comment: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    Ok(format!(
        "(* Certificate of the noise schedule for {comment}, written by ncsn {version}.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

Definition stated : schedule := {{|
  dim := {dim};
  sigma_max := {sigma_max};
  sigma_min := {sigma_min};
  overlap_target := {target};
  rounded_by := {rule};
  num_levels := {levels};
  steps_per_level := {steps};
  epsilon := {epsilon};
  gamma_root_in := {gamma_root};
  gamma_in := {gamma};
  overlap_in := {overlap};
  epsilon_in := {around};
  variance_ratio_in := {ratio}
|}}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.
",
        version = env!("CARGO_PKG_VERSION"),
        dim = schedule.dim(),
        sigma_max = hexadecimal(schedule.range().max()),
        sigma_min = hexadecimal(schedule.range().min()),
        target = hexadecimal(target),
        rule = rule(rounding),
        epsilon = hexadecimal(epsilon),
        gamma_root = pair(root),
        gamma = pair(schedule.gamma()),
        overlap = pair(schedule.overlap(law)),
        around = pair(around),
        ratio = pair(schedule.variance_ratio()),
    ))
}

/// Whether a character is safe in a comment of Coq, where quotes and asterisks have a meaning.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._/-".contains(c)
}

/// Name of a rounding rule in `Statements.v`.
const fn rule(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::CeilPlusOne => "ceil_plus_one",
        Rounding::FloorPlusOne => "floor_plus_one",
        Rounding::Ceil => "ceil",
        Rounding::Floor => "floor",
        Rounding::RoundPlusOne => "round_plus_one",
    }
}

/// Both ends of an enclosure.
fn pair(interval: Interval) -> String {
    format!("({}, {})", hexadecimal(interval.lo()), hexadecimal(interval.hi()))
}

/// A positive double in hexadecimal, exactly: `0x1.8p+1` for 3, as C's `%a` prints it.
fn hexadecimal(value: f64) -> String {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i64, bits & ((1 << 52) - 1));
    let (lead, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
    let digits = format!("{fraction:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("0x{lead}{point}{digits}p{exponent:+}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ncsn_theory::schedule::NoiseRange;

    /// Source: Python's `float.hex`.
    #[test]
    fn doubles_print_in_hexadecimal() {
        let cases = [
            (3.0, "0x1.8p+1"),
            (50.0, "0x1.9p+5"),
            (0.01, "0x1.47ae147ae147bp-7"),
            (1.0, "0x1p+0"),
            (5e-324, "0x0.0000000000001p-1022"),
            (f64::MAX, "0x1.fffffffffffffp+1023"),
        ];
        for (value, expected) in cases {
            assert_eq!(hexadecimal(value), expected);
        }
    }

    fn schedule(levels: u64, epsilon: f64) -> Schedule {
        let range = NoiseRange::new(50.0, 0.01).expect("a range");
        Schedule::new(3072, range, levels, 5, epsilon).expect("a schedule")
    }

    #[test]
    fn what_has_no_proof_is_refused() {
        let refusal = |schedule: Schedule, spacing: Spacing| {
            certificate("x", &schedule, spacing).expect_err("no proof exists").to_string()
        };
        let optimal = schedule(220, 6e-6).optimal_epsilon().expect("an optimum").mid();
        let spacing = Spacing::default();
        assert_eq!(
            refusal(schedule(232, optimal), spacing),
            "num_levels is 232, but overlap 0.5 and ceil+1 give 220"
        );
        assert_eq!(
            refusal(schedule(220, 6.2e-6), spacing),
            "epsilon is 6.2e-6, but the minimiser of Technique 4 is 6.464085632893982e-6"
        );
        let chi = Spacing { law: Law::Chi, ..spacing };
        assert!(refusal(schedule(220, optimal), chi).starts_with("law is chi"));
    }

    #[test]
    fn names_cannot_leave_the_comment() {
        let schedule = schedule(220, schedule(220, 6e-6).optimal_epsilon().expect("an optimum").mid());
        let text = certificate("a *) \"b\"\n", &schedule, Spacing::default()).expect("a certificate");
        assert!(text.starts_with("(* Certificate of the noise schedule for a __ _b__, written"), "{text}");
    }
}
