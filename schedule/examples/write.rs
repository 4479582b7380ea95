//! A schedule file for vectors of 784 numbers: `cargo run --example write`.

use ncsn_schedule::{Provenance, ScheduleFile};
use ncsn_theory::schedule::{DataRange, NoiseRange, Request, Spacing, Steps};

fn main() -> anyhow::Result<()> {
    let request = Request {
        dim: 784,
        range: NoiseRange::new(20.0, 0.01)?,
        spacing: Spacing::default(),
        steps: Steps::Budget(1000),
    };
    let origin = || "this example".to_owned();
    let provenance = Provenance { program: origin(), sigma_max: origin(), ..Provenance::default() };
    let file = ScheduleFile::new(&request.derive()?, "vectors".to_owned(), DataRange::Native, provenance);
    print!("{}", file.to_toml()?);
    Ok(())
}
