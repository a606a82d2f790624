//! Charts that can be read at a glance: a panel for each scenario, a row for each peer, netloop in its own colour.
//!
//! A bar begins at zero. Where the scale is logarithmic there is no zero, so there are dots on a grid instead.

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
/// The title of the chart, what the caution adds to it, and the title of a panel.
const HEAD: i32 = 78;
const CAUTION: i32 = 20;
const PANEL_HEAD: i32 = 40;
const PANEL_FOOT: i32 = 26;
/// Where bars begin, and the room for the figure behind the longest; for all figures where there are dots.
const LEFT: i32 = 128;
const RIGHT: i32 = 78;
const ROOM: i32 = PANEL_WIDTH - LEFT - RIGHT;

const INK: RGBColor = RGBColor(33, 37, 41);
const PALE: RGBColor = RGBColor(110, 117, 125);
const OURS: RGBColor = RGBColor(217, 72, 15);
const THEIRS: RGBColor = RGBColor(116, 156, 196);
const LEAST: RGBColor = RGBColor(173, 181, 189);
const GRID: RGBColor = RGBColor(222, 226, 230);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

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
        (FILES[2], "Latency at a fixed rate, µs, logarithmic: further left is better", latency.collect(), true),
        (FILES[3], "Resident bytes of an idle connection, logarithmic: further left is better", memory, true),
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
    pub(crate) fn draw(&self, folder: &Path, about: &str, caution: &str) -> Result<(), AnyError> {
        let columns = self.panels.len().min(COLUMNS) as i32;
        let heights: Vec<i32> =
            self.panels.chunks(COLUMNS).map(|row| row.iter().map(Panel::height).max().unwrap_or(0)).collect();
        let head = if caution.is_empty() { HEAD } else { HEAD + CAUTION };
        let size = ((columns * PANEL_WIDTH).max(2 * PANEL_WIDTH) as u32, (head + heights.iter().sum::<i32>()) as u32);
        let path = folder.join(self.file);
        let area = SVGBackend::new(&path, size).into_drawing_area();
        let failed = |error: DrawingAreaErrorKind<std::io::Error>| error.to_string();
        area.fill(&WHITE).map_err(failed)?;
        area.draw(&Text::new(self.title, (20, 28), text(24, INK, HPos::Left))).map_err(failed)?;
        area.draw(&Text::new(about, (20, 56), text(13, PALE, HPos::Left))).map_err(failed)?;
        area.draw(&Text::new(caution, (20, 56 + CAUTION), text(13, OURS, HPos::Left))).map_err(failed)?;
        let mut top = head;
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

    fn draw(&self, area: &Area<'_>, (left, top): (i32, i32), logarithmic: bool) -> Drawn {
        area.draw(&Text::new(self.title.clone(), (left + 20, top + 20), text(15, INK, HPos::Left)))?;
        for (row, bar) in self.bars.iter().enumerate() {
            let place = (left + LEFT - 8, middle(top, row));
            area.draw(&Text::new(bar.name.clone(), place, text(13, bar.ink(), HPos::Right)))?;
        }
        if logarithmic { self.draw_dots(area, (left + LEFT, top)) } else { self.draw_bars(area, (left + LEFT, top)) }
    }

    fn draw_bars(&self, area: &Area<'_>, (left, top): (i32, i32)) -> Drawn {
        let longest = self.bars.iter().map(|bar| bar.value.median).fold(0.0, f64::max);
        let place = |value: f64| left + (f64::from(ROOM) * (value / longest).clamp(0.0, 1.1)) as i32;
        for (row, bar) in self.bars.iter().enumerate() {
            let (y, end) = (middle(top, row), place(bar.value.median).max(left + 1));
            let half = ROW / 2 - 4;
            area.draw(&Rectangle::new([(left, y - half), (end, y + half)], bar.colour.filled()))?;
            bar.draw_spread(area, y, place)?;
            let behind = end.max(place(bar.value.most)) + 6;
            area.draw(&Text::new(short(bar.value.median), (behind, y), text(13, bar.ink(), HPos::Left)))?;
        }
        Ok(())
    }

    fn draw_dots(&self, area: &Area<'_>, (left, top): (i32, i32)) -> Drawn {
        let least = self.bars.iter().map(|bar| bar.value.least).fold(f64::INFINITY, f64::min).max(1.0);
        let most = self.bars.iter().map(|bar| bar.value.most).fold(0.0, f64::max).max(2.0 * least);
        // A little air, so that no dot lies on the edge.
        let air = 0.05 * (most / least).log10();
        let (from, to) = (least.log10() - air, most.log10() + air);
        let place = |value: f64| left + (f64::from(ROOM) * (value.max(1.0).log10() - from) / (to - from)) as i32;
        let (first, last) = (top + PANEL_HEAD, top + PANEL_HEAD + ROW * self.bars.len() as i32);
        for mark in marks(from, to) {
            let x = place(mark);
            area.draw(&PathElement::new(vec![(x, first), (x, last)], GRID.stroke_width(1)))?;
            area.draw(&Text::new(round(mark), (x, last + 9), text(11, PALE, HPos::Center)))?;
        }
        for (row, bar) in self.bars.iter().enumerate() {
            let (y, x) = (middle(top, row), place(bar.value.median));
            area.draw(&PathElement::new(vec![(left, y), (left + ROOM, y)], GRID.stroke_width(1)))?;
            bar.draw_spread(area, y, place)?;
            area.draw(&Circle::new((x, y), 6, bar.colour.filled()))?;
            area.draw(&Text::new(short(bar.value.median), (left + ROOM + 12, y), text(13, bar.ink(), HPos::Left)))?;
        }
        Ok(())
    }
}

impl Bar {
    fn ink(&self) -> RGBColor {
        if self.colour == OURS { OURS } else { INK }
    }

    /// A line from the least to the most of the rounds.
    fn draw_spread(&self, area: &Area<'_>, y: i32, place: impl Fn(f64) -> i32) -> Drawn {
        let (least, most) = (place(self.value.least), place(self.value.most));
        if most > least {
            area.draw(&PathElement::new(vec![(least, y), (most, y)], INK.stroke_width(1)))?;
        }
        Ok(())
    }
}

fn middle(top: i32, row: usize) -> i32 {
    top + PANEL_HEAD + ROW * row as i32 + ROW / 2
}

/// Round numbers between two powers of ten, two of them at least where there are as many: the powers, if they are too few their
/// doubles and halves too, else all with one digit.
fn marks(from: f64, to: f64) -> Vec<f64> {
    let between = |steps: &[f64]| -> Vec<f64> {
        let powers = from.floor() as i32..=to.ceil() as i32;
        let marks = powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        marks.filter(|mark| (from..=to).contains(&mark.log10())).collect()
    };
    let fewest = [&[1.0][..], &[1.0, 2.0, 5.0]].into_iter().map(between).find(|marks| marks.len() > 1);
    fewest.unwrap_or_else(|| between(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]))
}

/// A mark needs no digits behind the point.
fn round(mark: f64) -> String {
    if mark >= 1000.0 { format!("{} k", mark / 1000.0) } else { mark.to_string() }
}
