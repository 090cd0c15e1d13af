// The hall whose alerts the benchmarks and audits raise: one meter, and a rule that it fires.

/** An instant rule on any device, on when hotter than 35 °C. */
export const hotRule = `id: R98
version: 1
title: { en: Hot, zh-CN: 过热 }
action: { en: Cool it, zh-CN: 降温 }
on: reading
subject: device
inputs: [inlet_c]
levels:
  - { severity: MAJOR, subcode: hot, trigger: inlet_c > celsius(35), hold_on_s: 0, clear: inlet_c < celsius(33), hold_off_s: 0 }
`;

export const hallSite = `site: hall
name: Hall
time_zone: UTC
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: meter-1, power: power_w, sign: 1 }] }
`;
