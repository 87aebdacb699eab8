import { Command, Option } from "commander";
import { type ClusterOptions, chooseSource, clusterSource, withClusterOptions } from "../cluster-option.ts";
import type { DiffFormat } from "../diff-policies.ts";
import { usageError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import type { LintOptions } from "../lint-policies.ts";
import { MANIFESTS } from "../manifests-argument.ts";
import { outputOption } from "../output.ts";
import type { TestOptions } from "../test-policies.ts";

interface DiffOptions extends ClusterOptions {
  readonly output: DiffFormat;
  readonly staged?: true;
}

type Done = (code: ExitCode) => void;

/** Each loads the pipeline when it runs: the other commands start without. */
export function policyCommand(io: Io, done: Done): Command {
  const policy = new Command("policy")
    .summary("test, compare, check and convert policies, from manifests")
    .description("test, compare, check and convert policies before they are in a cluster")
    .addCommand(testCommand(io, done))
    .addCommand(diffCommand(io, done))
    .addCommand(lintCommand(io, done))
    .addCommand(convertCommand(io, done));
  return withExamples(policy, [
    ["weirctl policy test expectations.yaml --manifests manifests", "do they do what is expected?"],
    ["weirctl policy diff before after", "what may talk now that could not, and the other way round"],
    ["weirctl policy lint manifests", "what is wrong or probably not meant"],
    ["weirctl policy convert anp.yaml > cnp.yaml", "AdminNetworkPolicies as ClusterNetworkPolicies"],
  ]);
}

const TEST_FORMAT = `
An expectation file is a YAML list:
  - from: shop/app=web     # a pod (shop/web), labels (shop/app=web, */tier in (a,b), shop/*), or an address
    to: shop/db            # or a service, by name (svc/shop/db) or address: each endpoint that it may choose is meant
    port: 5432/TCP         # or a container port's name, or a service port's; without it, every port
    expect: allow          # or deny; it holds for every pair that is meant
    by: shop/db            # may be left out: the policy that allows, or one that isolates`;

function testCommand(io: Io, done: Done): Command {
  const command = new Command("test")
    .summary("try what is expected of policies")
    .description(
      "tries what files expect of the policies in a folder of manifests, and writes TAP. Exit code 1 if something is not as " +
        "expected, 2 if an expectation or a manifest is wrong itself",
    )
    .argument("<file...>", "expectations, in YAML")
    .option("--manifests <folder>", MANIFESTS, ".")
    .option("--junit <file>", "write the results as JUnit's XML too")
    .addOption(outputOption())
    .action(async (files: readonly string[], options: TestOptions) => {
      const { testPolicies } = await import("../test-policies.ts");
      done(await testPolicies(io, files, options));
    });
  return withExamples(command, [
    ["weirctl policy test expectations.yaml --manifests manifests", "TAP on stdout"],
    ["weirctl policy test tests/*.yaml --manifests manifests --junit results.xml", "for CI"],
    ["helm template . | weirctl policy test expectations.yaml --manifests -", "manifests on stdin"],
  ]).addHelpText("after", TEST_FORMAT);
}

function diffCommand(io: Io, done: Done): Command {
  const command = new Command("diff")
    .summary("what may talk in one folder and not in another")
    .description(
      "compares who may talk to whom by the policies of two folders of manifests: pods, and addresses outside, at every port " +
        "that a policy names and all others. Exit code 0 if it is the same, 1 if not, 2 if something in the manifests is wrong",
    )
    .argument(
      "[before]",
      `${MANIFESTS}; with --cluster what would be applied to it; with --staged alone what is asked about`,
    )
    .argument("[after]", "the same, to compare with")
    .addOption(
      new Option("-o, --output <format>", "text for people, json for programs, markdown for a review")
        .choices(["text", "json", "markdown"])
        .default("text"),
    )
    .option("--staged", "compare what is in force with what would be, were all staging over")
    .action(async (before: string | undefined, after: string | undefined, options: DiffOptions) => {
      const { diffCluster, diffPolicies, diffStaged } = await import("../diff-policies.ts");
      const source = clusterSource(options);
      if (options.staged) {
        if (after !== undefined || (source !== undefined && before !== undefined))
          throw usageError("--staged with one folder, or with --cluster");
        return done(await diffStaged(io, source ?? before ?? ".", options.output));
      }
      if (before === undefined) throw usageError("two folders, --cluster and one folder, or --staged");
      if ((source === undefined) !== (after !== undefined))
        throw usageError("two folders, or --cluster and one folder");
      if (source !== undefined) done(await diffCluster(io, source, before, options.output));
      else done(await diffPolicies(io, before, after ?? ".", options.output));
    });
  return withExamples(withClusterOptions(command, "compare with a cluster"), [
    ["weirctl policy diff before after", "what a change of policies comes to"],
    ["weirctl policy diff before after -o markdown", "as a comment on a merge request"],
    ["weirctl policy diff --staged manifests", "what would change with staged policies in force"],
    ["weirctl policy diff --cluster manifests", "what applying them would change in your cluster"],
  ]);
}

function lintCommand(io: Io, done: Done): Command {
  const command = new Command("lint")
    .summary("what in policies is wrong or probably not meant")
    .description(
      "checks the policies of a folder of manifests: what the API would refuse, selectors without pods, egress without " +
        "DNS, unknown port names, rules without effect, selectors in two items that belong in one, and more",
    )
    .argument("[folder]", `${MANIFESTS} (default: ".")`)
    .addOption(
      new Option("--fail-on <severity>", "exit code 1 from this severity on")
        .choices(["error", "warning", "info"])
        .default("warning"),
    )
    .addOption(outputOption())
    .action(async (folder: string | undefined, options: LintOptions & ClusterOptions) => {
      const { lintPolicies } = await import("../lint-policies.ts");
      done(await lintPolicies(io, chooseSource(folder, options), options));
    });
  return withExamples(withClusterOptions(command, "check those of a cluster"), [
    ["weirctl policy lint manifests", "findings, each with what to do"],
    ["weirctl policy lint manifests --fail-on error -o json", "for a program; only errors fail"],
    ["weirctl policy lint --cluster", "those of your cluster"],
  ]);
}

function convertCommand(io: Io, done: Done): Command {
  const command = new Command("convert")
    .summary("AdminNetworkPolicies as ClusterNetworkPolicies")
    .description(
      "writes the AdminNetworkPolicies and the BaselineAdminNetworkPolicy (v1alpha1) of files as ClusterNetworkPolicies " +
        "(v1alpha2) that mean the same, with comments on what is otherwise. Give all of a cluster's at once: priorities and " +
        "names are chosen for all of them. Exit code 1 if something has to be looked at: it is marked",
    )
    .argument("<file...>", "manifests in YAML or JSON, or - for stdin")
    .action(async (files: readonly string[]) => {
      const { convertPolicies } = await import("../convert-policies.ts");
      done(await convertPolicies(io, files));
    });
  return withExamples(command, [
    ["weirctl policy convert anp.yaml banp.yaml > cnp.yaml", "from files"],
    ["kubectl get anp,banp -o yaml | weirctl policy convert -", "from a cluster"],
  ]);
}
