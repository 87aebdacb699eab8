/** What a folder of manifests is to a command's help. */
export const MANIFESTS = "manifests: files of YAML or JSON, subfolders too; - for stdin";
