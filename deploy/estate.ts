const hourMs = 3_600_000;
const round = (value: number): number => Number(value.toFixed(1));

// A rack between 2 and 6 kW that breathes with the hour; registers are the integral of the same sine.
const meanW = (rack: number): number => 2000 + ((rack * 2_654_435_761) % 4000);
const swing = 0.2;
const periodMs = 6 * hourMs;
const power = (mean: number, ts: number): number => mean * (1 + swing * Math.sin((2 * Math.PI * ts) / periodMs));
const energyWh = (mean: number, ts: number): number =>
  (mean * (ts + ((swing * periodMs) / (2 * Math.PI)) * (1 - Math.cos((2 * Math.PI * ts) / periodMs)))) / hourMs;
// Registers begin with 2026, so that watt-hours stay far from 2^53.
const epoch = Date.UTC(2026, 0, 1);

/** Readings of every device of one simulated site at one moment; the balance closes exactly. */
export function simulatedReading(
  ts: number,
  racks: number,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const devices: Record<string, Record<string, number>> = {};
  let itMean = 0;
  for (let rack = 1; rack <= racks; rack++) {
    const mean = meanW(rack);
    itMean += mean;
    devices[`r-${rack}`] = {
      power_w: round(power(mean, ts)),
      energy_import_wh: round(energyWh(mean, ts - epoch)),
      voltage_l1_v: 230,
      current_l1_a: round(power(mean, ts) / 230),
      power_factor: 0.98,
      inlet_c: 24,
    };
  }
  const meter = (mean: number) => ({
    power_w: round(power(mean, ts)),
    energy_import_wh: round(energyWh(mean, ts - epoch)),
  });
  devices["cooling-1"] = meter(0.25 * itMean);
  devices["grid-1"] = meter(1.25 * itMean);
  return devices;
}

/** The site file that models it. */
export function simulatedSite(site: string, racks: number, everyS: number): string {
  const lines = [
    "# Written by deploy/simulate.ts: everything here is synthetic.",
    `site: ${site}`,
    `name: { en: Simulated site ${site}, zh-CN: 模拟站点 ${site} }`,
    "time_zone: Asia/Shanghai",
    "currency: CNY",
    `bus_rating_w: ${racks * 10_000}`,
    "nodes:",
    "  - { id: grid, kind: grid, origin: synthetic, points: [{ code: MP.PCC.IMP, device: grid-1, energy_forward: energy_import_wh, " +
      `interval_s: ${everyS} }] }`,
    "  - { id: cooling, kind: cooling, origin: synthetic, points: [{ code: MP.COOL.1, device: cooling-1, " +
      `energy_forward: energy_import_wh, interval_s: ${everyS} }] }`,
  ];
  for (let rack = 1; rack <= racks; rack++) {
    lines.push(
      `  - { id: r-${rack}, kind: it, origin: synthetic, points: [{ code: MP.PDU.OUT.${rack}, device: r-${rack}, ` +
        `energy_forward: energy_import_wh, interval_s: ${everyS} }] }`,
    );
  }
  return `${lines.join("\n")}\n`;
}
