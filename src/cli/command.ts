/** What the file of a command exports. */
export interface CommandModule {
  /** What `--help` prints: usage, options, an example. */
  readonly help: string
  /** Runs the command and resolves to the exit code. Throws `UsageError` and `ConfigError`, which main.ts prints. */
  run(args: readonly string[]): Promise<number>
}

/** A line of the table of commands. */
export interface Command {
  /** One or two words, as they are typed. */
  readonly name: string
  readonly summary: string
  /** Imported only when it is asked for, so that every command starts fast. */
  readonly load: () => Promise<CommandModule>
}
