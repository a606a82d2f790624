//! Bars that can be read at a glance: a panel for each scenario, a bar for each peer, netloop in its own colour.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::peers::AnyError;
use crate::report::{Results, Spread, short};

pub(crate) const FILES: [&str; 4] = ["cpu.svg", "rate.svg", "latency.svg", "memory.svg"];

const COLUMNS: usize = 3;
const PANEL_WIDTH: i32 = 440;
const ROW: i32 = 24;
/// The title of the chart, and of a panel.
const HEAD: i32 = 78;
const PANEL_HEAD: i32 = 40;
const PANEL_FOOT: i32 = 18;
/// Where bars begin, and the room for the figure behind the longest.
const LEFT: i32 = 128;
const RIGHT: i32 = 78;

const INK: RGBColor = RGBColor(33, 37, 41);
const PALE: RGBColor = RGBColor(110, 117, 125);
const OURS: RGBColor = RGBColor(217, 72, 15);
const THEIRS: RGBColor = RGBColor(116, 156, 196);
const LEAST: RGBColor = RGBColor(173, 181, 189);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

struct Bar {
    name: String,
    value: Spread,
    colour: RGBColor,
}

struct Panel {
    title: String,
    bars: Vec<Bar>,
}

pub(crate) struct Chart {
    pub(crate) file: &'static str,
    title: &'static str,
    panels: Vec<Panel>,
    logarithmic: bool,
}

/// The charts that these results fill.
pub(crate) fn charts(results: &[Results]) -> Vec<Chart> {
    let timed = || results.iter().filter(|results| (0..results.peers.len()).all(|peer| results.bytes(peer).is_none()));
    let cpu = timed().map(|results| panel(results, Results::cpu)).collect();
    let closed = timed().filter(|results| (0..results.peers.len()).all(|peer| results.latency(peer, 0).is_none()));
    let rate = closed.map(|results| panel(results, Results::rate)).collect();
    let latency = results.iter().filter(|results| !results.scenario.name.starts_with("slow"));
    let latency = latency.flat_map(|results| {
        let names = ["median", "99th percentile", "99.9th percentile"];
        names.into_iter().enumerate().map(|(which, name)| Panel {
            title: name.to_owned(),
            ..panel(results, |results, peer| results.latency(peer, which))
        })
    });
    let memory = results.iter().filter(|results| !results.scenario.name.starts_with("slow"));
    let memory = memory.map(|results| panel(results, Results::bytes)).collect();
    let all = [
        (FILES[0], "Processor time of the server, µs an operation: shorter is better", cpu, false),
        (FILES[1], "Operations a second: longer is better", rate, false),
        (FILES[2], "Latency at a fixed rate, µs: shorter is better", latency.collect(), true),
        (FILES[3], "Resident bytes of an idle connection: shorter is better", memory, true),
    ];
    let chart = |(file, title, mut panels, logarithmic): (_, _, Vec<Panel>, _)| {
        panels.retain(|panel| !panel.bars.is_empty());
        Chart { file, title, panels, logarithmic }
    };
    all.into_iter().map(chart).filter(|chart| !chart.panels.is_empty()).collect()
}

fn panel(results: &Results, figure: impl Fn(&Results, usize) -> Option<Spread>) -> Panel {
    let bars = results.peers.iter().enumerate().filter_map(|(at, name)| {
        let colour = match *name {
            "netloop" => OURS,
            "floor" => LEAST,
            _ => THEIRS,
        };
        Some(Bar { name: (*name).to_owned(), value: figure(results, at)?, colour })
    });
    Panel { title: results.scenario.title.to_owned(), bars: bars.collect() }
}

fn text(size: i32, colour: RGBColor, place: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour).pos(Pos::new(place, VPos::Center))
}

impl Chart {
    /// Draws the file.
    pub(crate) fn draw(&self, folder: &Path, about: &str) -> Result<(), AnyError> {
        let columns = self.panels.len().min(COLUMNS) as i32;
        let heights: Vec<i32> =
            self.panels.chunks(COLUMNS).map(|row| row.iter().map(Panel::height).max().unwrap_or(0)).collect();
        let size = ((columns * PANEL_WIDTH).max(2 * PANEL_WIDTH) as u32, (HEAD + heights.iter().sum::<i32>()) as u32);
        let path = folder.join(self.file);
        let area = SVGBackend::new(&path, size).into_drawing_area();
        let failed = |error: DrawingAreaErrorKind<std::io::Error>| error.to_string();
        area.fill(&WHITE).map_err(failed)?;
        area.draw(&Text::new(self.title, (20, 28), text(24, INK, HPos::Left))).map_err(failed)?;
        area.draw(&Text::new(about, (20, 56), text(13, PALE, HPos::Left))).map_err(failed)?;
        let mut top = HEAD;
        for (row, height) in self.panels.chunks(COLUMNS).zip(heights) {
            for (column, panel) in row.iter().enumerate() {
                panel.draw(&area, (column as i32 * PANEL_WIDTH, top), self.logarithmic).map_err(failed)?;
            }
            top += height;
        }
        Ok(area.present().map_err(failed)?)
    }
}

impl Panel {
    fn height(&self) -> i32 {
        PANEL_HEAD + ROW * self.bars.len() as i32 + PANEL_FOOT
    }

    fn draw(
        &self,
        area: &Area<'_>,
        (left, top): (i32, i32),
        logarithmic: bool,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let longest = self.bars.iter().map(|bar| bar.value.median).fold(0.0, f64::max);
        let shortest = self.bars.iter().map(|bar| bar.value.median).fold(f64::INFINITY, f64::min);
        let room = f64::from(PANEL_WIDTH - LEFT - RIGHT);
        let length = |value: f64| {
            let share = if logarithmic {
                // The shortest bar is a tenth of the decade below it.
                let from = shortest.max(1.0).log10() - 0.5;
                (value.max(1.0).log10() - from) / (longest.max(1.0).log10() - from)
            } else {
                value / longest
            };
            (room * share.clamp(0.0, 1.1)) as i32
        };
        let scale = if logarithmic { " (logarithmic)" } else { "" };
        area.draw(&Text::new(format!("{}{scale}", self.title), (left + 20, top + 20), text(15, INK, HPos::Left)))?;
        for (row, bar) in self.bars.iter().enumerate() {
            let (y, x) = (top + PANEL_HEAD + ROW * row as i32, left + LEFT);
            let ink = if bar.colour == OURS { OURS } else { INK };
            let end = x + length(bar.value.median).max(1);
            area.draw(&Text::new(bar.name.clone(), (x - 8, y + ROW / 2), text(13, ink, HPos::Right)))?;
            area.draw(&Rectangle::new([(x, y + 4), (end, y + ROW - 4)], bar.colour.filled()))?;
            let (least, most) = (x + length(bar.value.least), x + length(bar.value.most));
            if most > least {
                area.draw(&PathElement::new(vec![(least, y + ROW / 2), (most, y + ROW / 2)], INK.stroke_width(1)))?;
            }
            let behind = end.max(most) + 6;
            area.draw(&Text::new(short(bar.value.median), (behind, y + ROW / 2), text(13, ink, HPos::Left)))?;
        }
        Ok(())
    }
}
