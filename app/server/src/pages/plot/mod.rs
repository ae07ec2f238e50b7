//! Geometry of the plots, as pure functions from numbers to what the templates draw. Positions
//! across are percentages of the drawing, so that it fits any width; text keeps its size.

mod axis;
mod bars;
mod curves;
mod figure;
mod forest;
mod ladder;
mod rows;
mod shares;
mod strip;
mod timeline;

pub(crate) use bars::{Bar, bars};
pub(crate) use curves::{Line, Panel, PanelInput, Reading, panels};
pub(crate) use figure::{duration_us, ratio, short, significant};
pub(crate) use forest::{Forest, ForestRow, Side, extent, forest};
pub(crate) use ladder::{Ladder, Rung, RungStyle, ladder};
pub(crate) use shares::{ShareInput, Shares, shares};
pub(crate) use strip::{Strip, StripInput, strip};
pub(crate) use timeline::{Collection, Timeline, TimelineInput, timelines};
