//! Curves, as a table at a terminal and as a picture.

use plotters::prelude::*;
use std::fmt;
use std::path::Path;
use unstick_bench::Table;

/// Some curves over the same quantity, both axes logarithmic.
pub(crate) struct Picture {
    /// The file's name, without its end.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) curves: Vec<Curve>,
}

/// One of them.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Picture {
    /// Draws it in `docs/performance`.
    pub(crate) fn draw(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let path = folder.join(self.name).with_extension("svg");
        self.try_draw(&path).expect("it can be drawn");
        println!("docs/performance/{}.svg is drawn", self.name);
    }

    fn try_draw(&self, path: &Path) -> Result<(), Box<dyn core::error::Error>> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let range = |of: fn(&(f64, f64)) -> f64| {
            let least = points().map(of).fold(f64::INFINITY, f64::min);
            let most = points().map(of).fold(0.0, f64::max);
            (least, most)
        };
        let (x, y) = (range(|point| point.0), range(|point| point.1));
        // Whole powers of ten, which are labelled.
        let y = 10_f64.powf(y.0.log10().floor())..10_f64.powf(y.1.log10().ceil());
        let root = SVGBackend::new(path, (720, 400)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d((x.0..x.1 * 1.2).log_scale(), y.log_scale())?;
        let shown = |value: &f64| short(*value);
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&shown)
            .y_label_formatter(&shown)
            .light_line_style(WHITE)
            .draw()?;
        for (index, curve) in self.curves.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            let line = LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2));
            chart
                .draw_series(line)?
                .label(curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
            let dots = curve.points.iter().map(|&at| Circle::new(at, 3, colour.filled()));
            chart.draw_series(dots)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(("sans-serif", 11))
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()?;
        root.present()?;
        Ok(())
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.curves.iter().map(|curve| format!("{}, {}", curve.name, self.y));
        let mut table = Table::new([self.x.to_owned()].into_iter().chain(names));
        let longest = self.curves.iter().max_by_key(|curve| curve.points.len());
        for (row, (x, _)) in longest.iter().flat_map(|curve| &curve.points).enumerate() {
            let cells = self
                .curves
                .iter()
                .map(|curve| curve.points.get(row).map_or(String::new(), |point| short(point.1)));
            table.row([short(*x)].into_iter().chain(cells));
        }
        write!(f, "{}\n{table}", self.title)
    }
}

/// Three digits, and k, M or G.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        ..1e3 => (value, ""),
        ..1e6 => (value / 1e3, "k"),
        ..1e9 => (value / 1e6, "M"),
        _ => (value / 1e9, "G"),
    };
    match value {
        ..10.0 if value.fract() != 0.0 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}
