// The core questions with an answer each, as a team lead in a hurry would give them.
export const core = [
  ["failure_consequence", "serious"],
  ["untrusted_input", "core_job"],
  ["invariants", "intricate"],
  ["go_fluency", "few"],
  ["rust_fluency", "most"],
  ["owners", "5"],
  ["workload", "gateway"],
  ["tail_latency", "tight"],
  ["first_production", "later"],
  ["libraries", "systems"],
  ["paved_road", "both"],
  ["separable_core", "no"],
  ["priorities", "safety"],
];

export const query = new URLSearchParams(core).toString();

let made = 0;
export const uniqueName = () => `svc-${process.pid}-${Date.now()}-${made++}`;
