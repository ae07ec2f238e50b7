//! Whole runs against stand-in services: this program itself, linked under the name of how it is
//! to behave. Needs Linux and two cores.

#[cfg(target_os = "linux")]
mod stand_in;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod whole;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    if std::env::args().any(|argument| argument == "--listen") {
        return stand_in::serve();
    }
    if std::env::args().any(|argument| argument == "--bench-here") {
        return whole::refused::bench_here();
    }
    if std::env::args().any(|argument| argument == "--measure-here") {
        return whole::refused::measure_here();
    }
    whole::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: whole runs, because measuring needs Linux");
}
