//! The noise schedule of CIFAR-10 by Techniques 2 and 4: `cargo run --example schedule`.

use ncsn_theory::schedule::{NoiseRange, Request, Spacing, Steps};

fn main() -> Result<(), ncsn_theory::Error> {
    let request = Request {
        dim: 3 * 32 * 32,
        range: NoiseRange::new(50.0, 0.01)?,
        spacing: Spacing::default(),
        steps: Steps::PerLevel(5),
    };
    let derived = request.derive()?;
    let schedule = derived.schedule;
    println!("ratio of levels  {} ± {:.0e}", derived.gamma_root.mid(), derived.gamma_root.width());
    println!(
        "levels           {}, from {} to {}",
        schedule.num_levels(),
        schedule.sigma(0),
        schedule.range().min()
    );
    println!(
        "step size        {:.3e} at the last level, {} steps at each",
        schedule.epsilon(),
        schedule.steps_per_level()
    );
    Ok(())
}
