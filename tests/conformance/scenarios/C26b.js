'use strict';
// C26b: FIN without data to a socket paused from the beginning
const { note, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  c.end();
  settle(() => {
    note('S', '.readyState', s.readyState);
    s.resume();
  });
});
