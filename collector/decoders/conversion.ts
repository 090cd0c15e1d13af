/** `value × factor + offset` in the quantity's unit. */
export interface Conversion {
  readonly factor: number;
  readonly offset: number;
}

const by = (factor: number): Conversion => ({ factor, offset: 0 });

// For each unit of ours the units a device may speak. SI prefixes and definitions; 1 Wh = 3600 J.
const from: Readonly<Record<string, Readonly<Record<string, Conversion>>>> = {
  W: { mW: by(1e-3), W: by(1), kW: by(1e3), MW: by(1e6), GW: by(1e9) },
  VA: { VA: by(1), kVA: by(1e3), MVA: by(1e6) },
  var: { var: by(1), kvar: by(1e3), Mvar: by(1e6) },
  Wh: {
    Wh: by(1),
    kWh: by(1e3),
    MWh: by(1e6),
    GWh: by(1e9),
    Wmin: by(1 / 60),
    J: by(1 / 3600),
    kJ: by(1 / 3.6),
    MJ: by(1e3 / 3.6),
    GJ: by(1e6 / 3.6),
  },
  V: { mV: by(1e-3), V: by(1), kV: by(1e3) },
  A: { mA: by(1e-3), A: by(1), kA: by(1e3) },
  Hz: { mHz: by(1e-3), Hz: by(1) },
  "°C": { "°C": by(1), C: by(1), K: { factor: 1, offset: -273.15 }, "°F": fahrenheit(), F: fahrenheit() },
  "%": { "%": by(1), "1": by(100) },
  "1": { "1": by(1), "%": by(0.01) },
  "m³": { "m³": by(1), m3: by(1), L: by(1e-3) },
  L: { L: by(1), "m³": by(1e3), m3: by(1e3) },
  "g/kWh": { "g/kWh": by(1), "kg/MWh": by(1), "kg/kWh": by(1e3) },
  "1/kWh": { "1/kWh": by(1), "1/MWh": by(1e-3) },
};

function fahrenheit(): Conversion {
  return { factor: 5 / 9, offset: -160 / 9 };
}

/** How a device's unit becomes ours; `undefined` when they measure different things. */
export const conversion = (deviceUnit: string, ourUnit: string): Conversion | undefined => {
  if (deviceUnit === ourUnit) return by(1);
  const known = Object.hasOwn(from, ourUnit) ? from[ourUnit] : undefined;
  return known !== undefined && Object.hasOwn(known, deviceUnit) ? known[deviceUnit] : undefined;
};

/** The units that become `ourUnit`, for messages. */
export const unitsFor = (ourUnit: string): readonly string[] =>
  Object.hasOwn(from, ourUnit) ? Object.keys(from[ourUnit] ?? {}) : [ourUnit];
