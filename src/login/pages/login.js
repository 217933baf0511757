// Hands the session that was just opened to the app whose web view this is.
// https://spec.matrix.org/v1.19/client-server-api/#login-fallback
const session = JSON.parse(document.getElementById('login').value)
if (window.matrixLogin && typeof window.matrixLogin.onLogin === 'function') window.matrixLogin.onLogin(session)
else if (typeof window.onLogin === 'function') window.onLogin(session)
