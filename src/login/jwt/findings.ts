/** Something `config check` and the start tell the operator. An error keeps the server from starting. */
export interface Finding {
  level: 'error' | 'warning'
  /** The configuration key it is about, such as `jwt_config.secret`. */
  key: string
  message: string
  /** What to do about it, in one sentence. */
  fix: string
}

export const error = (key: string, message: string, fix: string): Finding => ({ level: 'error', key, message, fix })
export const warning = (key: string, message: string, fix: string): Finding => ({ level: 'warning', key, message, fix })
