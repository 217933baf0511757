/** The way in which an account of the server's own is made. */
export const madeByServer = 'server'
/** The name with which the server speaks to people. */
export const noticesLocalpart = 'server-notices'

const reserved: ReadonlySet<string> = new Set([noticesLocalpart])

/** Whether the server itself goes by that name: nobody else can have it, or sign in to it. */
export const isReservedName = (localpart: string): boolean => reserved.has(localpart.toLowerCase())
