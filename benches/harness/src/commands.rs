//! Commands of a cache as they go over the wire: a template with room for a key, drawn keys, and
//! what answers them well.

use anyhow::{Result, bail};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::reply::{self, Reply};
use crate::scenario::{CommandPlan, DataPlan, Draw, Expect, Protocol};
use crate::wire::{Broken, Ticket, Wire};

/// How many draws are made beforehand; a load that needs more begins with the first again.
const DRAWS: usize = 1 << 22;

/// The bits of a draw that hold its key's number; those above hold its command's.
const KEY_BITS: u32 = 28;

/// How far the loads of two blocks begin apart in the draws: a prime, so that they hardly repeat.
const BLOCK_STRIDE: usize = 1_000_003;

/// What a key begins with.
const PREFIX: &[u8] = b"key:";

/// What a value ends with, over and over.
const FILL: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

/// Commands of a pipeline that fills a cache.
const FILL_DEPTH: u32 = 100;

/// A text with room for the same key in some places.
#[derive(Debug, Clone, Default)]
struct Template {
    bytes: Vec<u8>,
    keys: Vec<usize>,
}

/// One command in a protocol.
#[derive(Debug, Clone)]
struct Command {
    template: Template,
    expect: Expect,
}

/// The commands of a scenario in one protocol, and how keys and values are written.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    protocol: Protocol,
    /// The drawn ones, in the scenario's order.
    drawn: Vec<Command>,
    get: Command,
    set: Command,
    key_bytes: usize,
    value: Template,
}

impl Template {
    fn text(&mut self, text: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(text.as_ref());
    }

    /// Writes it for a key.
    fn write(&self, out: &mut Vec<u8>, key: u32, key_bytes: usize) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for at in &self.keys {
            let (from, to) = (start + at + PREFIX.len(), start + at + key_bytes);
            digits(out.get_mut(from..to).unwrap_or_default(), key);
        }
    }
}

/// Fills a slot with a number's digits.
fn digits(slot: &mut [u8], mut number: u32) {
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl Commands {
    /// Lays out a scenario's commands.
    ///
    /// # Errors
    /// When the protocol has no such command.
    pub(crate) fn new(plans: &[CommandPlan], data: &DataPlan, protocol: Protocol) -> Result<Self> {
        let key_bytes = data.key_bytes;
        let key = [PREFIX, &vec![b'0'; key_bytes.saturating_sub(PREFIX.len())]].concat();
        let mut value = Template::default();
        value.keys.push(0);
        let fill = FILL.iter().cycle().take(data.value_bytes.saturating_sub(key_bytes)).copied();
        value.bytes.extend(key.iter().copied().chain(fill));
        let lay_out = |words: &[&str], expect| -> Result<Command> {
            let template = match protocol {
                Protocol::Resp => resp(words, &key, &value),
                Protocol::Memcached => memcached(words, &key, &value)?,
                Protocol::Http => bail!("commands are not sent over HTTP"),
            };
            Ok(Command { template, expect })
        };
        let drawn = plans.iter().map(|plan| {
            let words: Vec<&str> = plan.command.iter().map(String::as_str).collect();
            lay_out(&words, plan.expect)
        });
        Ok(Self {
            protocol,
            drawn: drawn.collect::<Result<_>>()?,
            get: lay_out(&["GET", KEY], Expect::ValueOrNothing)?,
            set: lay_out(&["SET", KEY, VALUE], Expect::Ok)?,
            key_bytes,
            value,
        })
    }

    /// Whether a reply answers a command for a key well.
    fn good(&self, command: &Command, key: u32, reply: &Reply<'_>) -> bool {
        match (command.expect, reply) {
            (Expect::Ok, Reply::Ok)
            | (Expect::Number, Reply::Number)
            | (Expect::ValueOrNothing, Reply::Nothing) => true,
            (Expect::Value | Expect::ValueOrNothing, Reply::Value(value)) => self.is_of(value, key),
            _ => false,
        }
    }

    /// Whether this is the value of a key.
    fn is_of(&self, value: &[u8], key: u32) -> bool {
        let Some((own, fill)) = value.split_at_checked(self.key_bytes) else {
            return false;
        };
        let mut rest = key;
        let number = own.iter().skip(PREFIX.len()).rev().all(|digit| {
            let same = u32::from(*digit) == u32::from(b'0') + rest % 10;
            rest /= 10;
            same
        });
        own.starts_with(PREFIX) && number && self.value.bytes.get(self.key_bytes..) == Some(fill)
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Puts a read of a key behind what is there.
    pub(crate) fn write_get(&self, out: &mut Vec<u8>, key: u32) {
        self.get.template.write(out, key, self.key_bytes);
    }

    /// Puts a write of a key behind what is there.
    pub(crate) fn write_set(&self, out: &mut Vec<u8>, key: u32) {
        self.set.template.write(out, key, self.key_bytes);
    }

    /// Whether a reply answers a read well: the value, or nothing.
    pub(crate) fn good_get(&self, key: u32, reply: &Reply<'_>) -> bool {
        self.good(&self.get, key, reply)
    }
}

const KEY: &str = "{key}";
const VALUE: &str = "{value}";

/// An array of bulk strings.
fn resp(words: &[&str], key: &[u8], value: &Template) -> Template {
    let mut template = Template::default();
    template.text(format!("*{}\r\n", words.len()));
    for word in words {
        let bytes = match *word {
            KEY => key,
            VALUE => &value.bytes,
            word => word.as_bytes(),
        };
        template.text(format!("${}\r\n", bytes.len()));
        if [KEY, VALUE].contains(word) {
            template.keys.push(template.bytes.len());
        }
        template.text(bytes);
        template.text("\r\n");
    }
    template
}

/// Memcached's meta commands: `mg KEY v` and `ms KEY LENGTH`.
fn memcached(words: &[&str], key: &[u8], value: &Template) -> Result<Template> {
    let mut template = Template::default();
    let (name, rest) = match words {
        ["GET", KEY] => ("mg ", " v\r\n".to_owned()),
        ["SET", KEY, VALUE] => ("ms ", format!(" {}\r\n", value.bytes.len())),
        _ => bail!("memcached is sent GET {KEY} and SET {KEY} {VALUE}, but not {words:?}"),
    };
    template.text(name);
    template.keys.push(template.bytes.len());
    template.text(key);
    template.text(rest);
    if words.len() > 2 {
        template.keys.push(template.bytes.len());
        template.text(&value.bytes);
        template.text("\r\n");
    }
    Ok(template)
}

/// Which command goes to which key, drawn beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Draws(Vec<u32>);

impl Draws {
    /// The same seed gives the same draws.
    pub(crate) fn new(seed: u64, plans: &[CommandPlan], data: &DataPlan) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let keys = Keys::new(data.keys, data.draw);
        let total: u32 = plans.iter().map(|plan| plan.share).sum();
        let mut draw = || {
            let key = keys.draw(&mut random);
            let mut at = random.random_range(0..total.max(1));
            let command = plans.iter().position(|plan| {
                let here = at < plan.share;
                at = at.saturating_sub(plan.share);
                here
            });
            key | u32::try_from(command.unwrap_or(0)).unwrap_or(0) << KEY_BITS
        };
        Self((0..DRAWS).map(|_| draw()).collect())
    }

    /// Each command with each of the first keys.
    pub(crate) fn each(commands: usize, keys: u32) -> Self {
        let commands = u32::try_from(commands).unwrap_or(0);
        Self((0..keys).flat_map(|key| (0..commands).map(move |c| key | c << KEY_BITS)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key and the number of the command at a place.
    fn at(&self, place: usize) -> (u32, usize) {
        let draw = self.0.get(place % self.0.len().max(1)).copied().unwrap_or(0);
        (draw & ((1 << KEY_BITS) - 1), usize::try_from(draw >> KEY_BITS).unwrap_or(0))
    }
}

/// A distribution over keys.
pub(crate) struct Keys {
    count: u32,
    /// The sums of the weights of the keys up to each; empty when all weigh the same.
    sums: Vec<f64>,
}

/// A prime above any number of keys: multiplying by it spreads ranks over the keys one to one.
const SPREAD: u64 = 2_147_483_647;

impl Keys {
    pub(crate) fn new(count: u32, draw: Draw) -> Self {
        let mut sum = 0.0;
        let sums = match draw {
            Draw::Uniform => Vec::new(),
            Draw::Zipf(exponent) => (1..=count)
                .map(|rank| {
                    sum += f64::from(rank).powf(-exponent);
                    sum
                })
                .collect(),
        };
        Self { count, sums }
    }

    /// The number of a key. Those of neighbouring ranks lie far apart, as they would be stored.
    pub(crate) fn draw(&self, random: &mut ChaCha8Rng) -> u32 {
        let Some(total) = self.sums.last() else {
            return random.random_range(0..self.count.max(1));
        };
        let at = random.random::<f64>() * total;
        let rank = self.sums.partition_point(|sum| *sum <= at).min(self.sums.len() - 1);
        let key = rank as u64 * SPREAD % u64::from(self.count.max(1));
        u32::try_from(key).unwrap_or(0)
    }
}

/// Drawn commands, sent in pipelines.
pub(crate) struct Drawn<'a> {
    commands: &'a Commands,
    draws: &'a Draws,
    next: usize,
    depth: u32,
    unexpected: Option<String>,
}

impl<'a> Drawn<'a> {
    /// From the place in the draws where a block begins.
    pub(crate) fn new(commands: &'a Commands, draws: &'a Draws, block: u32, depth: u32) -> Self {
        let next = BLOCK_STRIDE.wrapping_mul(block as usize) % draws.len().max(1);
        Self { commands, draws, next, depth, unexpected: None }
    }
}

impl Wire for Drawn<'_> {
    fn next(&mut self, out: &mut Vec<u8>) -> Ticket {
        let ticket = Ticket { first: self.next, count: self.depth };
        for place in (self.next..).take(self.depth as usize) {
            let (key, command) = self.draws.at(place);
            if let Some(command) = self.commands.drawn.get(command) {
                command.template.write(out, key, self.commands.key_bytes);
            }
        }
        self.next = (self.next + self.depth as usize) % self.draws.len().max(1);
        ticket
    }

    fn read(&mut self, ticket: Ticket, received: &[u8]) -> Result<Option<u32>, Broken> {
        let (commands, draws) = (self.commands, self.draws);
        judge(commands.protocol, ticket.count, received, &mut self.unexpected, |at, reply| {
            let (key, command) = draws.at(ticket.first + at);
            let command = commands.drawn.get(command);
            command.is_some_and(|command| commands.good(command, key, reply))
        })
    }

    fn unexpected(&self) -> Option<String> {
        self.unexpected.clone()
    }

    fn depth(&self) -> u32 {
        self.depth
    }
}

/// Stores every key once, in order.
pub(crate) struct Filled<'a> {
    commands: &'a Commands,
    keys: u32,
    next: u32,
    unexpected: Option<String>,
}

impl<'a> Filled<'a> {
    pub(crate) fn new(commands: &'a Commands, keys: u32) -> Self {
        Self { commands, keys, next: 0, unexpected: None }
    }

    /// How many pieces that takes.
    pub(crate) fn pieces(&self) -> usize {
        self.keys.div_ceil(FILL_DEPTH) as usize
    }
}

impl Wire for Filled<'_> {
    fn next(&mut self, out: &mut Vec<u8>) -> Ticket {
        let count = FILL_DEPTH.min(self.keys.saturating_sub(self.next));
        for key in (self.next..).take(count as usize) {
            self.commands.write_set(out, key);
        }
        let ticket = Ticket { first: self.next as usize, count };
        self.next += count;
        ticket
    }

    fn read(&mut self, ticket: Ticket, received: &[u8]) -> Result<Option<u32>, Broken> {
        let protocol = self.commands.protocol;
        judge(protocol, ticket.count, received, &mut self.unexpected, |_, reply| {
            *reply == Reply::Ok
        })
    }

    fn unexpected(&self) -> Option<String> {
        self.unexpected.clone()
    }
}

/// A command without a key: whether anyone is there, or that everything is to be removed.
pub(crate) struct Plain {
    protocol: Protocol,
    text: &'static [u8],
    unexpected: Option<String>,
}

impl Plain {
    /// Answered by whoever is ready.
    pub(crate) fn ping(protocol: Protocol) -> Self {
        let text: &[u8] = match protocol {
            Protocol::Memcached => b"mn\r\n",
            Protocol::Resp | Protocol::Http => b"*1\r\n$4\r\nPING\r\n",
        };
        Self { protocol, text, unexpected: None }
    }

    /// Removes all entries.
    pub(crate) fn flush(protocol: Protocol) -> Self {
        let text: &[u8] = match protocol {
            Protocol::Memcached => b"flush_all\r\n",
            Protocol::Resp | Protocol::Http => b"*1\r\n$8\r\nFLUSHALL\r\n",
        };
        Self { protocol, text, unexpected: None }
    }
}

impl Wire for Plain {
    fn next(&mut self, out: &mut Vec<u8>) -> Ticket {
        out.extend_from_slice(self.text);
        Ticket { first: 0, count: 1 }
    }

    fn read(&mut self, ticket: Ticket, received: &[u8]) -> Result<Option<u32>, Broken> {
        judge(self.protocol, ticket.count, received, &mut self.unexpected, |_, reply| {
            *reply == Reply::Ok
        })
    }

    fn unexpected(&self) -> Option<String> {
        self.unexpected.clone()
    }
}

/// Reads so many replies, and nothing more, and counts those that are not good.
fn judge(
    protocol: Protocol,
    count: u32,
    received: &[u8],
    unexpected: &mut Option<String>,
    mut good: impl FnMut(usize, &Reply<'_>) -> bool,
) -> Result<Option<u32>, Broken> {
    let (mut rest, mut wrong) = (received, 0);
    for at in 0..count as usize {
        let Some((reply, after)) = reply::read(protocol, rest)? else {
            return Ok(None);
        };
        if !good(at, &reply) {
            wrong += 1;
            *unexpected = Some(reply.to_string());
        }
        rest = after;
    }
    if rest.is_empty() { Ok(Some(wrong)) } else { Err(Broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(draw: Draw) -> DataPlan {
        let (keys, key_bytes, value_bytes) = (1_000, 16, 20);
        DataPlan { keys, key_bytes, value_bytes, draw, preload: true, flush_s: 0.0 }
    }

    fn plan(words: &[&str], expect: Expect) -> CommandPlan {
        let command = words.iter().map(|word| (*word).to_owned()).collect();
        CommandPlan { command, expect, share: 1 }
    }

    fn commands(protocol: Protocol) -> Commands {
        let plans = [plan(&["GET", KEY], Expect::Value), plan(&["SET", KEY, VALUE], Expect::Ok)];
        Commands::new(&plans, &data(Draw::Uniform), protocol).unwrap()
    }

    /// Both commands for the key 42 in one piece.
    fn sent(commands: &Commands, draws: &Draws) -> (Ticket, String) {
        let mut out = Vec::new();
        let ticket = Drawn::new(commands, draws, 0, 2).next(&mut out);
        (ticket, String::from_utf8(out).unwrap())
    }

    #[test]
    fn commands_are_written_in_the_protocol_of_whoever_is_asked() {
        let draws = Draws(vec![42, 42 | 1 << KEY_BITS]);
        let (ticket, text) = sent(&commands(Protocol::Resp), &draws);
        assert_eq!(ticket, Ticket { first: 0, count: 2 });
        assert_eq!(
            text,
            "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n\
             *3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$20\r\nkey:000000000042abcd\r\n"
        );
        let (_, text) = sent(&commands(Protocol::Memcached), &draws);
        assert_eq!(
            text,
            "mg key:000000000042 v\r\nms key:000000000042 20\r\nkey:000000000042abcd\r\n"
        );
        let other = [plan(&["INCR", KEY], Expect::Number)];
        let error = Commands::new(&other, &data(Draw::Uniform), Protocol::Memcached).unwrap_err();
        assert!(error.to_string().contains("memcached is sent GET"), "{error}");
    }

    #[test]
    fn only_the_keys_own_value_is_a_good_answer() {
        let (commands, draws) = (commands(Protocol::Resp), Draws(vec![42, 42 | 1 << KEY_BITS]));
        let read = |answer: &str| {
            let mut wire = Drawn::new(&commands, &draws, 0, 2);
            let ticket = wire.next(&mut Vec::new());
            let read = wire.read(ticket, answer.as_bytes());
            (read, wire.unexpected())
        };
        let good = "$20\r\nkey:000000000042abcd\r\n+OK\r\n";
        assert_eq!(read(good), (Ok(Some(0)), None));
        assert_eq!(read(&good[..30]), (Ok(None), None), "the second answer is still to come");
        assert_eq!(read(&format!("{good}+OK\r\n")).0, Err(Broken), "one that nobody asked for");
        for wrong in [
            "$20\r\nkey:000000000043abcd\r\n+OK\r\n",
            "$20\r\nkey:000000000042abce\r\n+OK\r\n",
            "$19\r\nkey:000000000042abc\r\n+OK\r\n",
            "$-1\r\n+OK\r\n",
            "$20\r\nkey:000000000042abcd\r\n-OOM full\r\n",
        ] {
            let (read, said) = read(wrong);
            assert_eq!(read, Ok(Some(1)), "{wrong}");
            assert!(said.is_some(), "{wrong}");
        }
    }

    #[test]
    fn draws_follow_their_seed_their_shares_and_their_distribution() {
        let plans = [
            CommandPlan { share: 9, ..plan(&["GET", KEY], Expect::Value) },
            plan(&["SET", KEY, VALUE], Expect::Ok),
        ];
        let draws = |seed| Draws::new(seed, &plans, &data(Draw::Zipf(1.0)));
        let some = draws(1);
        assert_eq!(some.0, draws(1).0);
        assert_ne!(some.0, draws(2).0);
        let share = |wanted: &dyn Fn((u32, usize)) -> bool| {
            let count = (0..some.len()).filter(|place| wanted(some.at(*place))).count();
            count as f64 / some.len() as f64
        };
        let writes = share(&|(_, command)| command == 1);
        assert!((writes - 0.1).abs() < 0.002, "{writes}");
        // The harmonic number of 1,000 is 7.485.
        let first = share(&|(key, _)| key == 0);
        assert!((first * 7.485 - 1.0).abs() < 0.02, "{first}");
        assert!((0..some.len()).all(|place| some.at(place).0 < 1_000));
    }
}
