import { Option } from "commander";

export const DEFAULT_SOCKET = "/var/run/weir/control.sock";

export function socketOption(): Option {
  return new Option("--socket <path>", "the node process's control socket")
    .env("WEIR_CONTROL_SOCKET")
    .default(DEFAULT_SOCKET);
}
