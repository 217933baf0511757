// Keeps history readable in every browser of a user: the keys of messages are kept at the homeserver, encrypted by a key that this
// application keeps for its user.

/** The key that the backend of this application keeps for whoever is signed in: 32 bytes. */
export const keyOfUser = async () => {
  const answer = await fetch('/chat-key', { cache: 'no-store' })
  if (!answer.ok) throw new Error(`/chat-key answered ${answer.status}`)
  return Uint8Array.from(atob(await answer.text()), (letter) => letter.charCodeAt(0))
}

/** Opens the homeserver's secret storage with that key, whenever the SDK asks. */
export const callbacksFor = (key) => ({
  getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], key],
})

/** The first browser of a user makes identity, secret storage and backup; every other one opens what is there, and is trusted for it. */
export const keepHistory = async (client, session, key) => {
  const crypto = client.getCrypto()
  const isFirst = (await client.secretStorage.getDefaultKeyId()) === null
  // Asks the homeserver, so that the SDK knows the identity whose keys it is about to open.
  await crypto.userHasCrossSigningKeys(session.userId, true)
  await crypto.bootstrapCrossSigning({
    // Asked for a proof, the user's own token is one.
    authUploadDeviceSigningKeys: (upload) =>
      upload(null).catch(async (error) => upload(await session.auth(error.data?.session))),
  })
  if (isFirst) {
    await crypto.bootstrapSecretStorage({
      createSecretStorageKey: async () => ({ privateKey: key }),
      setupNewKeyBackup: true,
    })
  } else if ((await crypto.getSessionBackupPrivateKey()) === null) {
    await crypto.loadSessionBackupPrivateKeyFromSecretStorage()
    await crypto.checkKeyBackupAndEnable()
    await crypto.restoreKeyBackup()
  }
}
