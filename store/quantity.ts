/** gauge: a value now; counter: a register that only grows until it wraps or is reset; state: a code. */
export type QuantityKind = "gauge" | "counter" | "state";

export interface Quantity {
  readonly name: string;
  readonly unit: string;
  readonly kind: QuantityKind;
  /** Hard range: outside it a value is refused, not clamped. */
  readonly min: number;
  readonly max: number;
}

// Hard ranges say "no real device can mean this": sentinels such as 1e38 or 4.29e9 °C go, reversed CTs stay for rule R02.
const widest = Number.MAX_SAFE_INTEGER;
const gigawatt10 = 1e10; // a province in one meter is still less than 10 GW

const phases = ["l1", "l2", "l3"] as const;
const gauge = (name: string, unit: string, min: number, max: number): Quantity => ({
  name,
  unit,
  kind: "gauge",
  min,
  max,
});
const counter = (name: string, unit: string): Quantity => ({ name, unit, kind: "counter", min: 0, max: widest });
const state = (name: string): Quantity => ({ name, unit: "1", kind: "state", min: 0, max: widest });

/** Every quantity Wattlas knows. Unknown names are kept, counted and shown. */
export const quantities: readonly Quantity[] = [
  gauge("power_w", "W", -gigawatt10, gigawatt10),
  gauge("reactive_power_var", "var", -gigawatt10, gigawatt10),
  gauge("apparent_power_va", "VA", 0, gigawatt10),
  ...phases.flatMap((phase) => [
    gauge(`power_${phase}_w`, "W", -gigawatt10, gigawatt10),
    gauge(`reactive_power_${phase}_var`, "var", -gigawatt10, gigawatt10),
    gauge(`apparent_power_${phase}_va`, "VA", 0, gigawatt10),
    gauge(`voltage_${phase}_v`, "V", 0, 1e6),
    gauge(`current_${phase}_a`, "A", -1e6, 1e6),
    gauge(`power_factor_${phase}`, "1", -1, 1),
    counter(`energy_import_${phase}_wh`, "Wh"),
    counter(`energy_export_${phase}_wh`, "Wh"),
  ]),
  gauge("voltage_v", "V", 0, 1e6),
  gauge("current_a", "A", -1e6, 1e6),
  gauge("current_n_a", "A", -1e6, 1e6),
  gauge("power_factor", "1", -1, 1),
  gauge("frequency_hz", "Hz", 0, 500),
  counter("energy_import_wh", "Wh"),
  counter("energy_export_wh", "Wh"),
  counter("reactive_energy_import_varh", "varh"),
  counter("reactive_energy_export_varh", "varh"),
  counter("heat_wh", "Wh"),
  counter("water_m3", "m³"),
  counter("fuel_l", "L"),
  gauge("soc_pct", "%", 0, 100),
  gauge("soh_pct", "%", 0, 100),
  gauge("available_w", "W", 0, gigawatt10),
  // Lowest generation that is forecast for the next quarter of an hour.
  gauge("forecast_w", "W", 0, gigawatt10),
  gauge("irradiance_w_per_m2", "W/m²", -50, 2000),
  // What a battery management system or a UPS says that it could do now.
  gauge("discharge_limit_w", "W", 0, gigawatt10),
  gauge("charge_limit_w", "W", 0, gigawatt10),
  gauge("runtime_s", "s", 0, 1e7),
  gauge("setpoint_w", "W", -gigawatt10, gigawatt10),
  gauge("inlet_c", "°C", -60, 150),
  gauge("outlet_c", "°C", -60, 150),
  gauge("outdoor_c", "°C", -90, 70),
  gauge("temperature_c", "°C", -90, 1000),
  gauge("humidity_pct", "%", 0, 100),
  gauge("util_pct", "%", 0, 100),
  gauge("price_per_kwh", "1/kWh", -1e4, 1e4),
  gauge("carbon_g_per_kwh", "g/kWh", 0, 1e4),
  gauge("carbon_free_pct", "%", 0, 100),
  counter("work_samples", "sample"),
  counter("work_queries", "query"),
  counter("work_tokens", "token"),
  counter("work_jobs", "job"),
  counter("work_flop", "FLOP"),
  gauge("work_rate_per_s", "1/s", 0, widest),
  // Supply, generators and cooling plant: what rules R22 to R35 look at.
  gauge("supply_c", "°C", -60, 150),
  gauge("return_c", "°C", -60, 150),
  gauge("flow_m3_per_h", "m³/h", 0, 1e6),
  gauge("flow_setpoint_m3_per_h", "m³/h", 0, 1e6),
  gauge("pressure_difference_kpa", "kPa", -1e4, 1e4),
  gauge("tank_c", "°C", -60, 150),
  gauge("fuel_volume_l", "L", 0, 1e8),
  gauge("fuel_rate_l_per_h", "L/h", 0, 1e6),
  gauge("start_battery_v", "V", 0, 1000),
  gauge("block_voltage_v", "V", 0, 1e4),
  gauge("string_current_a", "A", -1e5, 1e5),
  gauge("impedance_mohm", "mΩ", 0, 1e6),
  gauge("impedance_baseline_mohm", "mΩ", 0, 1e6),
  gauge("test_age_days", "d", 0, 1e5),
  gauge("network_bps", "bit/s", 0, 1e15),
  gauge("active_assets", "1", 0, 1e6),
  state("mains_present"),
  state("ups_on_battery"),
  state("ups_on_bypass"),
  state("genset_running"),
  state("genset_auto"),
  state("genset_start_failed"),
  state("genset_charger_failed"),
  state("genset_heater_off"),
  state("test_failed"),
  state("ats_on_genset"),
  state("pump_running"),
  state("cdu_stopped"),
  state("leak"),
  state("online"),
  state("mode"),
  state("switch_on"),
  state("allocated"),
  // A number for the software that runs: another number is another baseline of what a joule buys.
  state("software_version"),
  // The product's own health, site `system`, device `wattlas`.
  counter("broker_connections", "1"),
  counter("broker_messages", "1"),
  counter("broker_refusals", "1"),
  counter("collector_messages", "1"),
  counter("collector_readings", "1"),
  counter("collector_values", "1"),
  counter("collector_duplicates", "1"),
  counter("collector_corrections", "1"),
  counter("collector_rejected", "1"),
  counter("collector_broker_repeated", "1"),
  counter("collector_broker_other_shard", "1"),
  counter("collector_broker_reserved", "1"),
  gauge("broker_clients", "1", 0, widest),
  gauge("collector_waiting", "1", 0, widest),
  gauge("collector_broker_connected", "1", 0, 1),
  gauge("collector_ack_p99_ms", "ms", 0, widest),
  gauge("broker_thread_pause_ms", "ms", 0, widest),
  gauge("store_pending", "1", 0, widest),
  gauge("store_bytes", "B", 0, widest),
  gauge("memory_bytes", "B", 0, widest),
  gauge("cpu_pct", "%", 0, 1e5),
];

const byName = new Map(quantities.map((quantity) => [quantity.name, quantity]));

// Families of counters: declared work, and our own refusals by code.
const families = ["work_", "refused_"];

/** The known quantity of that name; `work_…` counts declared work, `refused_…` our own refusals by code. */
export const findQuantity = (name: string): Quantity | undefined =>
  byName.get(name) ?? (families.some((family) => name.startsWith(family)) ? counter(name, "1") : undefined);
