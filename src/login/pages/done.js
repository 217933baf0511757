// Tells the app that opened this page that the confirmation is done.
// https://spec.matrix.org/v1.19/client-server-api/#fallback
if (typeof window.onAuthDone === 'function') window.onAuthDone()
else if (window.opener && window.opener.postMessage) window.opener.postMessage('authDone', '*')
