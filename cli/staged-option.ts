import { Option } from "commander";

export function stagedOption(): Option {
  return new Option(
    "--staged",
    "as it would be, were all staging over (policy.weir.dev/enforcement): staged policies in force, those gone of which the deletion is staged",
  );
}
