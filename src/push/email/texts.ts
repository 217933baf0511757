const en = {
  subject: (brand: string, rooms: readonly string[]) =>
    rooms.length === 1
      ? `[${brand}] You have unread messages in ${rooms[0]}`
      : `[${brand}] You have unread messages in ${rooms.length} rooms`,
  invited: (sender: string) => `${sender} has invited you.`,
  encrypted: (sender: string) => `${sender} has sent an encrypted message.`,
  other: (sender: string) => `${sender} has sent something.`,
  more: (count: number) => `… and ${count} more before.`,
  open: 'Open in the app',
  lead: 'This was waiting for you while you were away:',
  unsubscribe: 'You get this mail because you asked for it in your app. To have no more of it, open:',
  title: 'No more mail',
  question: 'Do you want no more mail about unread messages?',
  go: 'No more mail',
  done: 'You will get no more mail about unread messages. You can turn it on again in your app.',
  lost: 'This mail has been turned off already.',
}

/** What mail about unread messages, and the page behind its link, say. */
export type UnreadTexts = typeof en

const de: UnreadTexts = {
  subject: (brand, rooms) =>
    rooms.length === 1
      ? `[${brand}] Ungelesene Nachrichten in ${rooms[0]}`
      : `[${brand}] Ungelesene Nachrichten in ${rooms.length} Räumen`,
  invited: (sender) => `${sender} hat dich eingeladen.`,
  encrypted: (sender) => `${sender} hat eine verschlüsselte Nachricht geschickt.`,
  other: (sender) => `${sender} hat etwas geschickt.`,
  more: (count) => `… und ${count} weitere davor.`,
  open: 'In der App öffnen',
  lead: 'Das hat auf dich gewartet, während du weg warst:',
  unsubscribe: 'Du bekommst diese Mail, weil du sie in deiner App angefordert hast. Um keine mehr zu bekommen, öffne:',
  title: 'Keine Mails mehr',
  question: 'Möchtest du keine Mails mehr über ungelesene Nachrichten?',
  go: 'Keine Mails mehr',
  done: 'Du bekommst keine Mails mehr über ungelesene Nachrichten. In deiner App kannst du sie wieder einschalten.',
  lost: 'Diese Mails sind schon abgestellt.',
}

/** By a language tag such as `de-AT`; English where there is no translation. */
export const unreadTexts = (language: string): UnreadTexts => (/^de\b/i.test(language) ? de : en)
