//! Rising numbers in little room: a part's keys, and where the rows of each begin.

/// Numbers that share a base.
const BLOCK: usize = 16;
/// Stands for a distance that does not fit, which is kept apart.
const FAR: u8 = u8::MAX;
/// When more than one number in so many is far, none is kept near.
const NEAR_PER_FAR: usize = 8;

/// Rising numbers. Where most are close to the one before, as the keys and first rows of a part with
/// hundreds of thousands of keys are, each takes a byte and a quarter, else four bytes.
#[derive(Debug)]
pub struct Ascending {
    /// All numbers, if they are not kept near.
    wide: Vec<u32>,
    /// The first number of each block.
    bases: Vec<u32>,
    /// For each number its distance from its block's base.
    distances: Vec<u8>,
    /// The places of those whose distance does not fit, and the numbers.
    far: Vec<(u32, u32)>,
}

impl Ascending {
    /// Keeps rising numbers.
    pub fn new(numbers: Vec<u32>) -> Self {
        let mut near =
            Self { wide: Vec::new(), bases: Vec::new(), distances: Vec::new(), far: Vec::new() };
        let far_max = numbers.len() / NEAR_PER_FAR;
        for (block, first) in numbers.chunks(BLOCK).zip((0_u32..).step_by(BLOCK)) {
            let base = block.first().copied().unwrap_or_default();
            near.bases.push(base);
            for (&number, place) in block.iter().zip(first..) {
                let distance = u8::try_from(number - base).unwrap_or(FAR);
                near.distances.push(distance);
                if distance == FAR {
                    near.far.push((place, number));
                }
            }
            if near.far.len() > far_max {
                let mut wide = numbers;
                wide.shrink_to_fit();
                return Self { wide, bases: Vec::new(), distances: Vec::new(), far: Vec::new() };
            }
        }
        near.bases.shrink_to_fit();
        near.distances.shrink_to_fit();
        near.far.shrink_to_fit();
        near
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.wide.len() + self.distances.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at this place, nothing beyond the end.
    pub fn get(&self, place: usize) -> Option<u32> {
        match self.distances.get(place) {
            None => self.wide.get(place).copied(),
            Some(&FAR) => {
                let at = self.far.binary_search_by_key(&(place as u32), |it| it.0).ok()?;
                self.far.get(at).map(|it| it.1)
            }
            Some(&distance) => Some(self.bases.get(place / BLOCK)? + u32::from(distance)),
        }
    }

    /// How many of them are less than a number.
    pub fn below(&self, number: u32) -> usize {
        if self.distances.is_empty() {
            return self.wide.partition_point(|&it| it < number);
        }
        // The last block that begins below it is the only one that it may fall into.
        let block = self.bases.partition_point(|&it| it < number).saturating_sub(1);
        let start = block * BLOCK;
        let of_block = (start..self.len()).take(BLOCK);
        start + of_block.take_while(|&place| self.get(place).is_some_and(|it| it < number)).count()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        (self.wide.len() + self.bases.len()) * 4 + self.distances.len() + self.far.len() * 8
    }
}
