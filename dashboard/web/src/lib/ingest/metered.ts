import type { DeviceWire } from "#lib/wire.ts";

/** Whether a site file could say anything about the device's energy. */
export const isMetered = ({ quantities }: Pick<DeviceWire, "quantities">): boolean =>
  quantities.some((name) => ["power_w", "energy_import_wh", "energy_export_wh"].includes(name));
