import type { ProblemCode } from '../../providers/index.ts'

/** Everything that the pages say, in English. Another language is another value of this shape. */
const en = {
  language: 'en',
  choose: {
    title: 'Sign in',
    lead: (server: string) => `Choose how to sign in to ${server}.`,
    by: (provider: string) => `Continue with ${provider}`,
    none: 'This server offers no way to sign in through a browser.',
  },
  continue: {
    title: (app: string) => `Continue to ${app}?`,
    lead: (app: string, user: string) =>
      `You are about to give ${app} access to your account ${user}: it will be able to read and send your messages.`,
    care: 'Continue only if you came from there yourself.',
    go: 'Continue',
    cancel: 'Cancel',
  },
  confirm: {
    title: 'Confirm that it is you',
    lead: (user: string) => `An app that is signed in as ${user} wants to make a change that has to be confirmed:`,
    care: 'If you did not ask for this, close this page and sign out that session.',
    by: (provider: string) => `Confirm with ${provider}`,
    here: 'Confirm',
    not: 'Do not confirm',
    done: 'Confirmed',
    doneLead: 'You can close this page and go back to the app.',
    none: 'Your account has no sign-in that it could be confirmed by.',
    operations: {
      'delete device': 'Sign out a session and delete its keys',
      'delete devices': 'Sign out sessions and delete their keys',
      'replace cross-signing keys': 'Replace the keys that your identity is verified by',
      deactivate: 'Close your account for good',
      'change password': 'Set a new password',
      get_token: 'Sign in on another device',
      register: 'Make an account',
      'reset password': 'Set a new password for your account',
    } as Readonly<Record<string, string>>,
    other: 'Change your account',
  },
  fallback: {
    lead: (server: string) => `An app that you use wants to go on here, on ${server}:`,
    wrong: 'That was not right. Try again.',
    email: 'Mail address',
    emailGo: 'Send me a mail',
    emailSent: (address: string) =>
      `A mail is on its way to ${address}. Open the link in it, and then come back to this page.`,
    emailDone: 'I have opened the link',
    emailNot: 'The link in the mail has not been opened yet.',
    token: 'Token',
    tokenOther: 'I have a token',
    loginAs: (user: string) => `Sign in as ${user}?`,
    loginLead: 'An app on this device gets access to the account: it will be able to read and send your messages.',
    loggedIn: 'Signed in',
    loggedInLead: (user: string) => `You are signed in as ${user}. Go back to the app.`,
  },
  prove: {
    title: 'Is this account yours?',
    lead: (user: string, provider: string) =>
      `There already is an account ${user} here. If it is yours, enter its password, and from now on ${provider} will sign you in to it.`,
    go: 'Link and continue',
  },
  link: {
    title: 'Link this sign-in?',
    lead: (who: string, provider: string, user: string) =>
      `From now on, ${who} of ${provider} will be able to sign in to ${user}.`,
    go: 'Link',
    cancel: 'Do not link',
  },
  signIn: {
    title: 'Your account',
    lead: (server: string) => `Sign in to see your account on ${server}.`,
    leadTo: (server: string) => `Sign in with your account on ${server}.`,
    signUp: 'Make an account',
    user: 'User name',
    password: 'Password',
    go: 'Sign in',
    or: 'or',
    fromApp: 'Open this page from the app that you are signed in to.',
  },
  signUp: {
    title: 'Make an account',
    lead: (server: string) => `Choose a name on ${server}, and a password.`,
    token: 'Registration token',
    go: 'Make the account',
    already: 'I have an account',
    other: 'This cannot be used.',
    problems: {
      M_USER_IN_USE: 'This name is taken.',
      M_INVALID_USERNAME: 'A name has small letters, digits, and . _ = - / + in it, and does not begin with _.',
      M_EXCLUSIVE: 'This name is kept for something else.',
      M_WEAK_PASSWORD: 'This password is too short.',
      M_FORBIDDEN: 'This registration token is not valid.',
    } as Readonly<Record<string, string>>,
  },
  enter: {
    title: 'Open your account page?',
    lead: 'An app has sent you here, to the account page of',
    care: 'If this is not your account, close this page: somebody may want you to take it for yours.',
    go: 'This is my account',
  },
  signedOut: {
    title: 'Signed out',
    lead: 'You are signed out of this page. Your apps stay signed in.',
    provider: (provider: string) => `Sign out of ${provider} too`,
    again: 'Sign in again',
  },
  account: {
    title: 'Your account',
    signOut: 'Sign out of this page',
    profile: 'Profile',
    name: 'Display name',
    nameLocked: 'Your display name comes from your organisation.',
    save: 'Save',
    saved: 'Your display name is saved.',
    sessions: 'Sessions',
    noSessions: 'No app is signed in.',
    unnamed: 'Unnamed session',
    seen: (when: string) => `last active ${when}`,
    end: 'Sign out',
    endOf: (name: string) => `Sign out ${name}`,
    ended: 'The session is signed out.',
    tokens: 'Access tokens',
    tokensLead: 'For bots and scripts of yours, which act as you without an app.',
    tokenForever: 'until you end it',
    tokenUntil: 'until',
    tokenEnd: 'End',
    tokenNew: 'Make a token',
    identities: 'Linked sign-ins',
    noIdentities: 'None: you sign in by password.',
    unlink: 'Unlink',
    unlinkOf: (provider: string) => `Unlink ${provider}`,
    unlinked: 'The sign-in is unlinked.',
    lastOne: 'The only way into your account, so it cannot be unlinked.',
    add: (provider: string) => `Link ${provider}`,
    linked: 'The sign-in is linked.',
  },
  actions: {
    session: 'Session',
    endTitle: 'Sign out this session?',
    endCare:
      'Its app is signed out, and messages that only it can read are lost to it. Back up your keys first if it is the only one.',
    back: 'Back to your account',
    closeTitle: 'Close your account?',
    closeLead:
      'This is for good: nobody can sign in to it again, nobody can ever have its name, and it leaves all rooms.',
    closeType: (user: string) => `To be sure, type ${user}`,
    closeUnsure: 'That is not the name of this account.',
    erase: 'Also forget my profile and data, and hide what I have written from people who come later',
    close: 'Close my account',
    closed: 'Your account is closed',
    closedLead: 'All its sessions are signed out.',
  },
  tokens: {
    title: 'Make an access token',
    care: 'Whoever has the token can read and write everything that you can. Give it to nobody.',
    name: 'What it is for',
    end: 'How long it is good',
    days: (days: number) => `${days} days`,
    never: 'Until I end it',
    go: 'Make the token',
    made: 'Your access token',
    once: 'Keep it where the bot or script finds it: it is not shown again.',
  },
  embed: {
    title: 'Chat in an application',
    lead: 'This page works inside the applications that it is made for, and shows nothing by itself.',
  },
  problem: {
    title: 'That did not work',
    leave: (provider: string) => `Sign out at ${provider} to come in as somebody else`,
    reference: (trace: string) => `If you ask your administrator for help, give them this reference: ${trace}`,
    codes: {
      bad_mail: 'This is not a mail address that can be used.',
      bad_picture: 'This is not a picture that can be used, or it is larger than 5 MB.',
      bad_request: 'The request makes no sense. Go back to the app and begin again.',
      bad_target: 'The app did not say where to go back to, or named a place that nobody should be sent to.',
      cancelled: 'You cancelled the sign-in, or your account there is not allowed to come here.',
      deactivated: 'This account has been closed.',
      device_taken: 'A session of this id is there already. Begin again on the other device.',
      identity_taken: 'This sign-in belongs to another account already.',
      link_needed:
        'There already is an account of this name. Sign in to it on the account page and link this sign-in there.',
      locked: 'This account is locked. Your administrator can unlock it.',
      lost: 'This took too long, was begun in another browser, or cookies are switched off. Begin again.',
      mail_taken: 'This mail address belongs to an account already.',
      name_taken: 'The name that you would have here belongs to somebody else. Your administrator can help.',
      no_account: 'You have no account here yet. Your administrator has to make one first.',
      not_allowed: 'You are not allowed to do this.',
      not_fresh: 'You were not asked to sign in anew, and just that is needed here. Sign out there and try again.',
      not_found: 'There is nothing here.',
      nothing_waits: 'Nothing waits to be confirmed. Go back to the app and begin again.',
      other_person: 'You signed in as somebody else. Sign in as the person that the account belongs to.',
      provider_failed: 'The sign-in was answered in a way that cannot be trusted or understood.',
      provider_unreachable: 'The place where you sign in does not answer. Try again in a while.',
      rule_broken:
        'You are signed in there, but your account is not among those that may come in here. Your administrator can change that.',
      too_many: 'There were too many attempts. Wait a minute and try again.',
      unexpected: 'Something went wrong on this server.',
      unknown_app: 'This app is not known here, or has not been used for long. Go back to it and begin again.',
      wrong_password: 'This password is not right.',
    } satisfies Record<ProblemCode, string> as Readonly<Record<ProblemCode, string>>,
  },
}

/** What the pages say. */
export type Texts = typeof en

const de: Texts = {
  language: 'de',
  choose: {
    title: 'Anmelden',
    lead: (server) => `Wie möchtest du dich bei ${server} anmelden?`,
    by: (provider) => `Weiter mit ${provider}`,
    none: 'Dieser Server bietet keine Anmeldung im Browser an.',
  },
  continue: {
    title: (app) => `Weiter zu ${app}?`,
    lead: (app, user) =>
      `Du gibst ${app} gleich Zugriff auf dein Konto ${user}: Nachrichten können dort gelesen und geschrieben werden.`,
    care: 'Mach nur weiter, wenn du selbst von dort gekommen bist.',
    go: 'Weiter',
    cancel: 'Abbrechen',
  },
  confirm: {
    title: 'Bestätige, dass du es bist',
    lead: (user) => `Eine App, die als ${user} angemeldet ist, möchte etwas ändern, das bestätigt werden muss:`,
    care: 'Wenn du das nicht wolltest, schließ diese Seite und melde die Sitzung ab.',
    by: (provider) => `Mit ${provider} bestätigen`,
    here: 'Bestätigen',
    not: 'Nicht bestätigen',
    done: 'Bestätigt',
    doneLead: 'Du kannst diese Seite schließen und zur App zurückkehren.',
    none: 'Dein Konto hat keine Anmeldung, mit der das zu bestätigen wäre.',
    operations: {
      'delete device': 'Eine Sitzung abmelden und ihre Schlüssel löschen',
      'delete devices': 'Sitzungen abmelden und ihre Schlüssel löschen',
      'replace cross-signing keys': 'Die Schlüssel ersetzen, an denen man dich erkennt',
      deactivate: 'Dein Konto für immer schließen',
      'change password': 'Ein neues Passwort setzen',
      get_token: 'Ein weiteres Gerät anmelden',
      register: 'Ein Konto anlegen',
      'reset password': 'Ein neues Passwort für dein Konto setzen',
    },
    other: 'Dein Konto ändern',
  },
  fallback: {
    lead: (server) => `Eine App von dir möchte hier weitermachen, bei ${server}:`,
    wrong: 'Das war nicht richtig. Versuch es noch einmal.',
    email: 'Mailadresse',
    emailGo: 'Schick mir eine Mail',
    emailSent: (address) =>
      `Eine Mail an ${address} ist unterwegs. Öffne den Link darin und komm dann auf diese Seite zurück.`,
    emailDone: 'Ich habe den Link geöffnet',
    emailNot: 'Der Link in der Mail wurde noch nicht geöffnet.',
    token: 'Token',
    tokenOther: 'Ich habe ein Token',
    loginAs: (user) => `Als ${user} anmelden?`,
    loginLead:
      'Eine App auf diesem Gerät bekommt Zugriff auf das Konto: Sie kann deine Nachrichten lesen und schreiben.',
    loggedIn: 'Angemeldet',
    loggedInLead: (user) => `Du bist als ${user} angemeldet. Geh zurück zur App.`,
  },
  prove: {
    title: 'Ist das dein Konto?',
    lead: (user, provider) =>
      `Das Konto ${user} gibt es hier schon. Wenn es dir gehört, gib sein Passwort ein; von da an meldet dich ${provider} dort an.`,
    go: 'Verknüpfen und weiter',
  },
  link: {
    title: 'Diese Anmeldung verknüpfen?',
    lead: (who, provider, user) => `Von da an kann sich ${who} von ${provider} bei ${user} anmelden.`,
    go: 'Verknüpfen',
    cancel: 'Nicht verknüpfen',
  },
  signIn: {
    title: 'Dein Konto',
    lead: (server) => `Melde dich an, um dein Konto bei ${server} zu sehen.`,
    leadTo: (server) => `Melde dich mit deinem Konto bei ${server} an.`,
    signUp: 'Konto anlegen',
    user: 'Benutzername',
    password: 'Passwort',
    go: 'Anmelden',
    or: 'oder',
    fromApp: 'Öffne diese Seite aus der App, in der du angemeldet bist.',
  },
  signUp: {
    title: 'Konto anlegen',
    lead: (server) => `Wähle einen Namen bei ${server} und ein Passwort.`,
    token: 'Registrierungscode',
    go: 'Konto anlegen',
    already: 'Ich habe ein Konto',
    other: 'Das geht nicht.',
    problems: {
      M_USER_IN_USE: 'Dieser Name ist vergeben.',
      M_INVALID_USERNAME: 'Ein Name hat Kleinbuchstaben, Ziffern und . _ = - / + und beginnt nicht mit _.',
      M_EXCLUSIVE: 'Dieser Name ist für etwas anderes vorgesehen.',
      M_WEAK_PASSWORD: 'Dieses Passwort ist zu kurz.',
      M_FORBIDDEN: 'Dieser Registrierungscode gilt nicht.',
    },
  },
  enter: {
    title: 'Kontoseite öffnen?',
    lead: 'Eine App hat dich hierher geschickt, zur Kontoseite von',
    care: 'Wenn das nicht dein Konto ist, schließ diese Seite: Jemand will vielleicht, dass du es für deines hältst.',
    go: 'Das ist mein Konto',
  },
  signedOut: {
    title: 'Abgemeldet',
    lead: 'Du bist von dieser Seite abgemeldet. Deine Apps bleiben angemeldet.',
    provider: (provider) => `Auch bei ${provider} abmelden`,
    again: 'Wieder anmelden',
  },
  account: {
    title: 'Dein Konto',
    signOut: 'Von dieser Seite abmelden',
    profile: 'Profil',
    name: 'Anzeigename',
    nameLocked: 'Dein Anzeigename kommt von deiner Organisation.',
    save: 'Speichern',
    saved: 'Dein Anzeigename ist gespeichert.',
    sessions: 'Sitzungen',
    noSessions: 'Keine App ist angemeldet.',
    unnamed: 'Sitzung ohne Namen',
    seen: (when) => `zuletzt aktiv ${when}`,
    end: 'Abmelden',
    endOf: (name) => `${name} abmelden`,
    ended: 'Die Sitzung ist abgemeldet.',
    tokens: 'Zugriffstoken',
    tokensLead: 'Für Bots und Skripte von dir, die ohne App als du handeln.',
    tokenForever: 'bis du es beendest',
    tokenUntil: 'bis',
    tokenEnd: 'Beenden',
    tokenNew: 'Token anlegen',
    identities: 'Verknüpfte Anmeldungen',
    noIdentities: 'Keine: Du meldest dich mit Passwort an.',
    unlink: 'Lösen',
    unlinkOf: (provider) => `${provider} lösen`,
    unlinked: 'Die Anmeldung ist gelöst.',
    lastOne: 'Der einzige Weg in dein Konto; er lässt sich deshalb nicht lösen.',
    add: (provider) => `${provider} verknüpfen`,
    linked: 'Die Anmeldung ist verknüpft.',
  },
  actions: {
    session: 'Sitzung',
    endTitle: 'Diese Sitzung abmelden?',
    endCare:
      'Die App wird abgemeldet, und Nachrichten, die nur sie lesen kann, sind dort verloren. Sichere vorher deine Schlüssel, wenn es die einzige ist.',
    back: 'Zurück zum Konto',
    closeTitle: 'Dein Konto schließen?',
    closeLead:
      'Das ist für immer: Niemand kann sich dort wieder anmelden, niemand den Namen noch einmal bekommen, und das Konto verlässt alle Räume.',
    closeType: (user) => `Gib zur Sicherheit ${user} ein`,
    closeUnsure: 'Das ist nicht der Name dieses Kontos.',
    erase:
      'Auch mein Profil und meine Daten vergessen, und was ich geschrieben habe, vor denen verbergen, die später kommen',
    close: 'Konto schließen',
    closed: 'Dein Konto ist geschlossen',
    closedLead: 'Alle seine Sitzungen sind abgemeldet.',
  },
  tokens: {
    title: 'Zugriffstoken anlegen',
    care: 'Wer das Token hat, kann alles lesen und schreiben, was du kannst. Gib es niemandem.',
    name: 'Wofür es ist',
    end: 'Wie lange es gilt',
    days: (days) => `${days} Tage`,
    never: 'Bis ich es beende',
    go: 'Token anlegen',
    made: 'Dein Zugriffstoken',
    once: 'Bewahr es dort auf, wo der Bot oder das Skript es findet: Es wird nicht noch einmal gezeigt.',
  },
  embed: {
    title: 'Chat in einer Anwendung',
    lead: 'Diese Seite arbeitet in den Anwendungen, für die sie gemacht ist, und zeigt selbst nichts.',
  },
  problem: {
    title: 'Das hat nicht geklappt',
    leave: (provider) => `Bei ${provider} abmelden, um als jemand anderes zu kommen`,
    reference: (trace) => `Wenn du deine Verwaltung um Hilfe bittest, nenn ihr diese Kennung: ${trace}`,
    codes: {
      bad_mail: 'Das ist keine Mailadresse, die sich nehmen lässt.',
      bad_picture: 'Das ist kein Bild, das sich nehmen lässt, oder es ist größer als 5 MB.',
      bad_request: 'Die Anfrage ergibt keinen Sinn. Geh zurück zur App und fang von vorn an.',
      bad_target:
        'Die App hat nicht gesagt, wohin es zurückgeht, oder einen Ort genannt, an den niemand geschickt werden sollte.',
      cancelled: 'Du hast die Anmeldung abgebrochen, oder dein Konto dort darf nicht hierher.',
      deactivated: 'Dieses Konto wurde geschlossen.',
      device_taken: 'Eine Sitzung mit dieser Kennung gibt es schon. Fang auf dem anderen Gerät von vorn an.',
      identity_taken: 'Diese Anmeldung gehört schon zu einem anderen Konto.',
      link_needed:
        'Ein Konto dieses Namens gibt es schon. Melde dich auf der Kontoseite dort an und verknüpfe diese Anmeldung.',
      locked: 'Dieses Konto ist gesperrt. Deine Verwaltung kann es entsperren.',
      lost: 'Das hat zu lange gedauert, wurde in einem anderen Browser begonnen, oder Cookies sind ausgeschaltet. Fang von vorn an.',
      mail_taken: 'Diese Mailadresse gehört schon zu einem Konto.',
      name_taken: 'Der Name, den du hier hättest, gehört jemand anderem. Deine Verwaltung kann helfen.',
      no_account: 'Du hast hier noch kein Konto. Deine Verwaltung muss erst eines anlegen.',
      not_allowed: 'Das darfst du nicht.',
      not_fresh:
        'Du wurdest nicht neu nach deiner Anmeldung gefragt, und genau das braucht es hier. Melde dich dort ab und versuch es noch einmal.',
      not_found: 'Hier ist nichts.',
      nothing_waits: 'Es wartet nichts auf eine Bestätigung. Geh zurück zur App und fang von vorn an.',
      other_person: 'Du hast dich als jemand anderes angemeldet. Melde dich als die Person an, der das Konto gehört.',
      provider_failed: 'Die Antwort auf die Anmeldung war nicht zu verstehen oder nicht vertrauenswürdig.',
      provider_unreachable: 'Der Ort, an dem du dich anmeldest, antwortet nicht. Versuch es später noch einmal.',
      rule_broken:
        'Dort bist du angemeldet, aber dein Konto gehört nicht zu denen, die hierher dürfen. Deine Verwaltung kann das ändern.',
      too_many: 'Das waren zu viele Versuche. Warte eine Minute und versuch es noch einmal.',
      unexpected: 'Auf diesem Server ist etwas schiefgegangen.',
      unknown_app:
        'Diese App ist hier nicht bekannt oder wurde lange nicht benutzt. Geh zu ihr zurück und fang von vorn an.',
      wrong_password: 'Dieses Passwort stimmt nicht.',
    },
  },
}

const languages: Readonly<Record<string, Texts>> = { en, de }

/** The texts in the language that a browser likes best of those there are; English where it says nothing. */
export const textsFor = (acceptLanguage: string | undefined): Texts => {
  const wanted = (acceptLanguage ?? '')
    .slice(0, 1000)
    .split(',')
    .map((entry) => {
      const [range = '', ...parameters] = entry.split(';')
      const quality = Number(
        parameters
          .find((parameter) => parameter.trim().startsWith('q='))
          ?.trim()
          .slice(2) ?? 1,
      )
      return {
        language: range.trim().toLowerCase().split('-')[0] ?? '',
        quality: Number.isFinite(quality) ? quality : 0,
      }
    })
  const [best] = wanted
    .filter(({ language, quality }) => quality > 0 && Object.hasOwn(languages, language))
    .toSorted((a, b) => b.quality - a.quality)
  return languages[best?.language ?? 'en'] ?? en
}
