import {
  mdiBatteryCharging,
  mdiDeskLamp,
  mdiEngine,
  mdiLightbulbOutline,
  mdiPowerPlugOutline,
  mdiServer,
  mdiSnowflake,
  mdiSnowflakeThermometer,
  mdiSolarPower,
  mdiTransmissionTower,
  mdiViewGridOutline,
  mdiWindTurbine,
} from "@mdi/js";
import type { NodeKind } from "#lib/wire.ts";

export const kindIcons: Readonly<Record<NodeKind, string>> = {
  grid: mdiTransmissionTower,
  pv: mdiSolarPower,
  wind: mdiWindTurbine,
  genset: mdiEngine,
  battery: mdiBatteryCharging,
  ups: mdiPowerPlugOutline,
  it: mdiServer,
  cooling: mdiSnowflake,
  "power-chain": mdiPowerPlugOutline,
  lighting: mdiLightbulbOutline,
  misc: mdiViewGridOutline,
  office: mdiDeskLamp,
  thermal: mdiSnowflakeThermometer,
};
