use conformance::cache_server::{Subject, differential};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (one, other) = (a[1].parse().unwrap(), a[2].parse().unwrap());
    let n: u64 = a[3].parse().unwrap();
    let cmds: usize = a[4].parse().unwrap();
    let s = Subject::of(other).unwrap();
    for seed in n..n + a.get(5).map_or(1, |x| x.parse().unwrap()) {
        let c = differential::run(one, other, s, seed, cmds);
        match c.outcome {
            Ok(()) => println!("ok {}", c.name),
            Err(e) => println!("FAILED {}: {:#}", c.name, e),
        }
    }
}
