//! Pages and pictures of `ncsn`: every figure is there, its numbers are those of the text, and nothing else is needed.

mod browser;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use ncsn::cli::Cli;
use ncsn::commands::run;
use ncsn_shell::Outcome;

/// Runs a command line; its output, or the failure in words.
fn ncsn(arguments: &[&str]) -> Result<(String, Outcome), String> {
    let cli = Cli::try_parse_from(std::iter::once(&"ncsn").chain(arguments)).unwrap();
    let mut out = Vec::new();
    let outcome = run(cli.command, &mut out).map_err(|error| format!("{error:#}"))?;
    Ok((String::from_utf8(out).unwrap(), outcome))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The page that a command writes, which may fetch and run nothing.
fn page(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    ncsn(&[arguments, &["--report", text(&path)]].concat()).unwrap();
    let page = fs::read_to_string(&path).unwrap();
    for foreign in ["src=\"http", "href=", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    page
}

/// Points of a curve in a figure, as the page gives them to be copied.
fn points(page: &str, figure: usize, curve: &str) -> Vec<(f64, f64)> {
    let numbers = page.split("<summary>").nth(figure + 1).unwrap().split("</pre>").next().unwrap();
    let point = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let &[name, x, y] = &cells[..] else { panic!("{line}") };
        // A mark has no height.
        (name == curve).then(|| (x.parse().unwrap(), y.parse().unwrap_or_default()))
    };
    // The first line names the columns.
    numbers.lines().skip(1).filter_map(point).collect()
}

#[test]
fn a_schedule_s_page_has_every_number_of_the_text_and_its_curves() {
    let arguments = ["schedule", "--dataset", "ffhq"];
    let (printed, _) = ncsn(&arguments).unwrap();
    let page = page(&arguments);
    let numbers = printed.lines().take_while(|line| !line.starts_with("Published")).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["in", lo, hi] => Some(format!(">{lo}<br>{hi}</td>")),
            [_, value, ..] if line.starts_with("  ") => Some(format!(">{value}</td>")),
            _ => None,
        }
    });
    let numbers: Vec<String> = numbers.collect();
    assert_eq!(numbers.len(), 17, "eleven numbers, six enclosures");
    numbers.iter().for_each(|number| assert!(page.contains(number), "{number}"));
    assert!(page.contains("misprint by a factor of ten"));
    // Techniques 2 and 4, the overlap as a curve, and the chain.
    assert_eq!(page.matches("<svg ").count(), 4);
    // The curve of the overlap meets the target at gamma_root: between the points on both sides of it.
    let curve = points(&page, 1, "normal law");
    let root = 1.004_807_157_861_262_3;
    let after = curve.iter().position(|point| point.0 > root).unwrap();
    assert!(curve[after - 1].1 > 0.5 && curve[after].1 < 0.5, "{:?}", &curve[after - 1..=after]);
    // One level's variance is least at Technique 4's epsilon, to the spacing of the points.
    let level = points(&page, 2, "T = 3");
    let least = level.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!((least.0 / 9.452_909_587e-7 - 1.0).abs() < 0.02, "{least:?}");
    assert_eq!(points(&page, 2, "Technique 4"), [(9.452_909_587_174_451e-7, 0.0)]);
    // The chain's curve goes through chain_ratio − 1 there, and is as printed far off at the published epsilon.
    let chain = points(&page, 3, "L = 2182");
    let at = chain.iter().min_by(|a, b| (a.0 - 9.4529e-7).abs().total_cmp(&(b.0 - 9.4529e-7).abs())).unwrap();
    assert!((at.1 / 0.202_301_833_9 - 1.0).abs() < 0.02, "{at:?}");
    // The reach of the level above: three standard deviations about its mean, which is nearly γ√D.
    let reach = ["reach of level i − 1 begins", "and ends"].map(|mark| points(&page, 0, mark)[0].0);
    let above = 1.004_806_273_764_907_7;
    let expected = [-3.0, 3.0].map(|k: f64| above * (196_608_f64.sqrt() + k / 2_f64.sqrt()));
    // The normal law's mean and deviation are those of the exact one to 1/D relatively.
    assert!((0..2).all(|end| (reach[end] / expected[end] - 1.0).abs() < 1e-5), "{reach:?} {expected:?}");
}

#[test]
fn both_laws_are_drawn_where_they_differ() {
    let page = page(&["schedule", "--dim", "12", "--sigma-max", "5"]);
    let [normal, exact] = ["normal law", "exact law"].map(|law| points(&page, 1, law));
    let apart = normal.iter().zip(&exact).map(|(a, b)| (a.1 - b.1).abs()).fold(0.0, f64::max);
    assert!(apart > 0.005, "{apart}");
    // gamma_root is that of the normal law.
    let (printed, _) = ncsn(&["schedule", "--dim", "12", "--sigma-max", "5"]).unwrap();
    let root = printed.lines().find_map(|line| line.trim().strip_prefix("gamma_root")).unwrap();
    let root: f64 = root.split_whitespace().next().unwrap().parse().unwrap();
    let after = normal.iter().position(|point| point.0 > root).unwrap();
    assert!(normal[after - 1].1 > 0.5 && normal[after].1 < 0.5);
}

#[test]
fn the_page_of_a_folder_names_its_data_and_cannot_be_made_to_run_anything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("<script>alert(1)<");
    fs::create_dir(&data).unwrap();
    for k in 0..3_u8 {
        image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([k * 80, x as u8, y as u8]))
            .save(data.join(format!("{k}.png")))
            .unwrap();
    }
    let page = page(&["schedule", "--data", text(&data)]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;") && page.contains("3 items of"));
    assert!(!page.contains("As published"), "there is no row for it");
}

#[test]
fn the_page_of_the_propositions_shows_each_beside_a_simulation() {
    let page = page(&["validate", "--samples", "20000", "--seed", "3"]);
    // Bound (5), two histograms, C(γ), the distance of the laws, two variances.
    assert_eq!((page.matches("<svg ").count(), page.matches("<img ").count()), (7, 0));
    assert_eq!(page.matches(">holds</td>").count(), 40);
    for row in ["NCSNv2 CIFAR-10", "NCSNv2 FFHQ", "misprint by a factor of ten"] {
        assert!(page.contains(row), "{row}");
    }
    let (bound, exact) = (points(&page, 0, "bound (5)"), points(&page, 0, "exact"));
    assert_eq!((bound.len(), bound[0], bound[200].0), (201, (0.0, 0.5), 12.0));
    // exp(−12²/8)/2; and the two meet at distance 0 alone.
    assert!((bound[200].1 / (0.5 * (-18.0_f64).exp()) - 1.0).abs() < 1e-12);
    assert!(exact.iter().zip(&bound).skip(1).all(|(exact, bound)| exact.1 < bound.1));
    let simulated = points(&page, 0, "simulated");
    // A quantity in [0, ½] of the bound's size, 20,000 draws: its mean is within 5 of its standard errors, 0.5/√20000 at most.
    let near = simulated.iter().map(|&(d, found)| {
        let (_, exact) = exact[(d / 0.06).round() as usize];
        (found - exact).abs() / (0.5 * (-d * d / 8.0).exp())
    });
    let near: Vec<f64> = near.collect();
    assert!(near.len() == 12 && near.iter().all(|&error| error < 5.0 / 20_000_f64.sqrt()), "{near:?}");
    // Shares of 13,020 vectors within 5 standard errors, 0.5/√13020 at most, of the exact law's.
    let near = |figure: usize, curve: &str, dots: &str, most: f64| {
        let curve = points(&page, figure, curve);
        let dots = points(&page, figure, dots);
        assert_eq!(dots.len(), 12);
        for dot in dots {
            let next = curve.iter().position(|point| point.0 >= dot.0 * (1.0 - 1e-12)).unwrap();
            // Between two points a curve is a line to well within a standard error.
            let [(a, left), (b, right)] = [curve[next - 1], curve[next]];
            let expected = left + (right - left) * (dot.0 - a) / (b - a);
            assert!((dot.1 - expected).abs() < most * expected.max(1.0), "{figure}: {dot:?}, {expected}");
        }
    };
    near(3, "exact law", "simulated", 5.0 * 0.5 / 13_020_f64.sqrt());
    // A variance of n draws has the relative standard error √(2/n).
    near(5, "equation (6)", "400000 chains", 5.0 * (2.0 / 400_000_f64).sqrt());
    near(6, "equation (6)", "20000 chains", 5.0 * (2.0 / 20_000_f64).sqrt());
    // The check of them on the same page, by integrals, found these.
    for (dim, expected) in [(5.0, 8.480e-2), (3072.0, 3.393e-3)] {
        assert!(page.contains(&format!("{expected:.3e} at D = {dim}")));
        let distance = points(&page, 4, "exact").into_iter().find(|point| point.0 == dim).unwrap().1;
        assert!((distance / expected - 1.0).abs() < 1e-3, "{distance}");
    }
    // The bars of a histogram fill an area of nearly 1.
    let bars = points(&page, 1, "");
    let area: f64 = bars.windows(2).map(|pair| (pair[1].0 - pair[0].0) * pair[0].1).sum();
    assert!((0.999..1.001).contains(&area), "{area}");
}

#[test]
fn the_posters_experiment_is_shown_in_two_sheets() {
    let folder = tempfile::tempdir().unwrap();
    for k in 0..6_u8 {
        image::GrayImage::from_fn(8, 8, |x, y| image::Luma([k * 40 + (x * y) as u8]))
            .save(folder.path().join(format!("{k}.png")))
            .unwrap();
    }
    let arguments = ["validate", "--samples", "1000", "--data", text(folder.path()), "--centres", "6"];
    let page = page(&arguments);
    let sheets: Vec<&str> = page.split("<img alt=\"Sheet of samples with σ₁ = ").skip(1).collect();
    assert_eq!(sheets.len(), 2);
    for sheet in sheets {
        let data = sheet.split("base64,").nth(1).unwrap().split('"').next().unwrap();
        let png = STANDARD.decode(data).unwrap();
        let picture = image::load_from_memory(&png).unwrap().to_luma8();
        // 64 samples of 8 × 8 in eight rows, 2 pixels between: 82 pixels, each 7 times. The first pixel of an image is 40·k; a sample
        // lies near an image, but for noise of σ_L, 0.01.
        assert_eq!(picture.dimensions(), (574, 574));
        for cell in 0..64 {
            let [x, y] = [cell % 8, cell / 8].map(|place: u32| (2 + 10 * place) * 7 + 3);
            let value = f64::from(picture[(x, y)].0[0]);
            let nearest = (0..6).map(|k| (value - 40.0 * f64::from(k)).abs()).fold(f64::MAX, f64::min);
            assert!(nearest < 6.0 * 0.01 * 255.0, "{cell}: {value}");
        }
        let bright = picture.pixels().filter(|pixel| pixel.0[0] > 100).count();
        assert!(bright > 574 * 574 / 4, "{bright}");
    }
}

#[test]
fn a_page_that_cannot_be_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let (html, pdf) = (folder.path().join("a.html"), folder.path().join("a.pdf"));
    let refused = |arguments: &[&str]| ncsn(arguments).unwrap_err();
    let schedule = ["schedule", "--dataset", "mnist", "--report"];
    assert!(refused(&[&schedule[..], &[text(&pdf)]].concat()).ends_with("a.pdf, allowed: FILE.html"));
    assert!(refused(&["validate", "--report", text(&pdf)]).ends_with("a.pdf, allowed: FILE.html"));
    let twice = [&schedule[..], &[text(&html), "-o", text(&html)]].concat();
    assert!(refused(&twice).ends_with("which --output is too"));
    let nowhere = folder.path().join("none/a.html");
    assert!(refused(&[&schedule[..], &[text(&nowhere)]].concat()).contains("does not exist"));
    ncsn(&[&schedule[..], &[text(&html), "--dry-run"]].concat()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn a_picture_is_what_its_suffix_says() {
    let folder = tempfile::tempdir().unwrap();
    let (svg, png) = (folder.path().join("a.svg"), folder.path().join("a.png"));
    ncsn(&["schedule", "--dataset", "church", "--plot", text(&svg)]).unwrap();
    assert!(fs::read_to_string(&svg).unwrap().starts_with("<svg "));
    match ncsn(&["schedule", "--dataset", "church", "--plot", text(&png)]) {
        Ok(_) => assert_eq!(image::image_dimensions(&png).unwrap(), (2880, 800)),
        Err(message) if cfg!(feature = "png") => {
            assert!(message.contains("no font"), "{message}");
            eprintln!("NOT CHECKED: this machine has no fonts");
        }
        Err(message) => {
            assert!(message.ends_with("a.png, allowed: FILE.svg"), "{message}");
            eprintln!("NOT CHECKED: --plot FILE.png, which 'make png' builds and checks");
        }
    }
}

/// Wide and narrow, light and dark: nothing beyond the window or its figure, no picture missing, no errors or requests.
#[test]
fn a_browser_shows_the_pages_whole() {
    let folder = tempfile::tempdir().unwrap();
    // A name that no narrow window is wide enough for.
    let images = folder.path().join("W".repeat(40));
    fs::create_dir(&images).unwrap();
    for k in 0..6_u8 {
        let image = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([k * 40 + (x * y) as u8]));
        image.save(images.join(format!("{k}.png"))).unwrap();
    }
    let pages = ["ffhq.html", "tiny.html", "data.html", "validate.html"].map(|name| folder.path().join(name));
    for (command, page) in [
        vec!["schedule", "--dataset", "ffhq"],
        vec!["schedule", "--dim", "5", "--sigma-max", "1e9", "--sigma-min", "1e-9", "--steps-per-level", "1"],
        vec!["schedule", "--data", text(&images)],
        vec!["validate", "--samples", "1000", "--data", text(&images), "--centres", "6"],
    ]
    .into_iter()
    .zip(&pages)
    {
        ncsn(&[&command[..], &["--report", text(page)]].concat()).unwrap();
    }
    let pictures = browser::pictures(folder.path());
    let arguments: Vec<&Path> = std::iter::once(&pictures).chain(&pages).map(|path| path.as_path()).collect();
    browser::in_browser("pages.py", folder.path(), &arguments, "the pages of --report");
}
