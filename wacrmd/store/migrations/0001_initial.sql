-- The schema of wacrmd 0.1. Times are integer milliseconds since the epoch, UTC. JSON is TEXT.
-- Huey's own tables (task, schedule, kv, counter) live beside these in the same file; see dispatch/queue.py.

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest time at which the daemon ran, written once a minute: a start notices a clock that has leapt since then.
CREATE TABLE known_time (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL,
    is_confirmed INTEGER NOT NULL CHECK (is_confirmed IN (0, 1)),  -- by Meta's clock or an operator
    accepted INTEGER NOT NULL                       -- how far an operator lets the machine's clock be ahead of Meta's
) STRICT;

-- When the daemon did not run: no age counts that.
CREATE TABLE downtime (
    began_at INTEGER PRIMARY KEY,
    ended_at INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    default_country TEXT CHECK (default_country GLOB '[A-Z][A-Z]'),  -- ISO 3166: numbers without + are its own first
    marketing_route TEXT NOT NULL DEFAULT 'auto' CHECK (marketing_route IN ('auto', 'messages', 'marketing_messages')),
    product_policy TEXT CHECK (product_policy IN ('CLOUD_API_FALLBACK', 'STRICT')),
    message_activity_sharing INTEGER CHECK (message_activity_sharing IN (0, 1)),
    send_between TEXT,                              -- JSON: the hours of broadcasts that name none
    retry_rules TEXT,                               -- JSON: the rules of broadcasts that name none
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE number (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    phone_number_id TEXT NOT NULL,
    waba_id TEXT NOT NULL,
    label TEXT,
    display_phone TEXT,
    access_token BLOB NOT NULL,                     -- encrypted (AES-GCM), see vault.py
    verify_token_hash BLOB NOT NULL,                -- SHA-256
    messages_per_second REAL CHECK (messages_per_second > 0),
    portfolio TEXT,                                 -- numbers of one portfolio share Meta's limit; NULL: those of the account
    daily_limit INTEGER CHECK (daily_limit > 0),    -- people in 24 hours; NULL: as Meta tells
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    hold_reason TEXT,
    hold_detail TEXT,
    hold_since INTEGER,
    hold_until INTEGER,                             -- it resumes by itself then; NULL: when a person resumes it
    quality TEXT,
    limit_tier TEXT,
    limit_at INTEGER,                               -- Meta's time of the event that told it last
    limit_told_at INTEGER,                          -- when it was told last, by an event or a check
    verified_name TEXT,
    health TEXT,                                    -- JSON, as Meta last reported it
    checked_at INTEGER,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,                             -- kept for the broadcasts that name it
    CHECK ((state = 'paused') = (hold_reason IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX number_default ON number (account_id) WHERE is_default = 1 AND removed_at IS NULL;
CREATE UNIQUE INDEX number_meta ON number (phone_number_id) WHERE removed_at IS NULL;
CREATE INDEX number_waba ON number (waba_id);
CREATE INDEX number_portfolio ON number (coalesce(portfolio, account_id));

-- Whom a business portfolio has written to outside of an open window: Meta allows so many different people in 24 hours.
CREATE TABLE conversation (
    portfolio TEXT NOT NULL,
    person_id INTEGER NOT NULL,                     -- no reference: who is erased counts on
    at INTEGER NOT NULL,                            -- the last message
    recipient_id INTEGER,                           -- whose message began to count them: if Meta refuses it, they do not
    PRIMARY KEY (portfolio, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversation_at ON conversation (portfolio, at);

-- How many people count, or fewer: those who do not count any more are taken off when it matters.
CREATE TABLE portfolio_use (
    portfolio TEXT PRIMARY KEY,
    used INTEGER NOT NULL,
    counted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Several secrets of a number are valid at a time while one is being rotated.
CREATE TABLE app_secret (
    id INTEGER PRIMARY KEY,
    number_id TEXT NOT NULL REFERENCES number (id),
    secret BLOB NOT NULL,                           -- encrypted
    created_at INTEGER NOT NULL,
    valid_until INTEGER                             -- NULL: the current one
) STRICT;
CREATE INDEX app_secret_number ON app_secret (number_id);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,                      -- SHA-256 of the key
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,                           -- JSON array
    created_at INTEGER NOT NULL,
    allowed_from TEXT NOT NULL DEFAULT '[]',        -- JSON array of networks; empty: everywhere
    expires_at INTEGER,
    revoked_at INTEGER,
    family TEXT NOT NULL,                           -- id of the first of the keys of which each replaces the one before
    replaced_by TEXT,                               -- id of the key that replaces it
    last_used_at INTEGER,
    last_used_from TEXT                             -- the address; NULL: a unix socket
) STRICT;

-- A person who logs in to the dashboard.
CREATE TABLE user (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'sender', 'operator')),
    password TEXT,                                  -- Argon2id, PHC form; NULL: logs in by a reverse proxy only
    created_at INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;

-- The accounts that a user may see; none: all.
CREATE TABLE user_account (
    user_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id),  -- no cascade: without its last account the user would see all
    PRIMARY KEY (user_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_account_account ON user_account (account_id);

-- A browser that is logged in. It ends by its times (domain/user.py), by logout, and when the user's password or role changes.
CREATE TABLE login_session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,                      -- SHA-256 of the cookie
    user_id TEXT REFERENCES user (id) ON DELETE CASCADE,
    uid INTEGER,                                    -- without a user: who asked for the link, with the level then
    name TEXT NOT NULL,
    role TEXT CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    CHECK ((user_id IS NULL) = (role IS NOT NULL))
) STRICT;
CREATE INDEX login_session_user ON login_session (user_id);
CREATE INDEX login_session_used ON login_session (used_at);

-- A browser with which a user has logged in: strangers who guess passwords do not make it wait.
CREATE TABLE known_browser (
    hash BLOB PRIMARY KEY,                          -- SHA-256 of the cookie
    user_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX known_browser_user ON known_browser (user_id, used_at);

-- A link that logs one browser in once.
CREATE TABLE login_link (
    hash BLOB PRIMARY KEY,                          -- SHA-256 of its token
    uid INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A person is known by addresses: phones and Meta's ids of people, which are phones that need not be valid, and user ids.
-- Who is one person is decided in domain/person.py.
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL REFERENCES account (id),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE person_address (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,                          -- in the form of `identity`
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'user_id', 'parent_user_id')),
    person_id INTEGER NOT NULL REFERENCES person (id),
    scope TEXT,                                     -- the business account that named this user id
    since INTEGER NOT NULL,
    until INTEGER,                                  -- somebody else has it since
    former_since INTEGER                            -- the person said that they have another one since
) STRICT;
CREATE UNIQUE INDEX person_address_holder ON person_address (account_id, address) WHERE until IS NULL;
CREATE INDEX person_address_lost ON person_address (account_id, address) WHERE until IS NOT NULL;
CREATE INDEX person_address_person ON person_address (person_id);

-- What was learnt about a person: merged, address_changed, number_lost, number_taken_over.
CREATE TABLE person_event (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL                            -- JSON
) STRICT;
CREATE INDEX person_event_person ON person_event (person_id);

CREATE TABLE broadcast (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    number_id TEXT NOT NULL REFERENCES number (id),
    kind TEXT NOT NULL DEFAULT 'broadcast' CHECK (kind IN ('broadcast', 'message')),  -- message: to one person
    name TEXT NOT NULL,
    template_name TEXT NOT NULL,
    template_language TEXT NOT NULL,
    content TEXT,                                   -- JSON: defaults for header, buttons, components
    status TEXT NOT NULL CHECK (status IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled')),
    hold_reason TEXT,
    hold_detail TEXT,
    hold_since INTEGER,
    request_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    scheduled_at INTEGER,
    started_at INTEGER,
    completed_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 1,            -- raised by each change of it, of its recipients and their history
    failure_streak INTEGER NOT NULL DEFAULT 0,      -- failures in a row that Meta's statuses reported while it was sending
    streak_since INTEGER NOT NULL DEFAULT 0,        -- of attempts since then: when it was last resumed
    send_between TEXT,                              -- JSON: the hours in which messages are sent
    retry_rules TEXT,                               -- JSON: when it is sent again by itself to those who failed
    spread_over_minutes INTEGER CHECK (spread_over_minutes > 0),
    messages_per_second REAL CHECK (messages_per_second > 0),
    canary TEXT,                                    -- JSON: to how many people it is sent first, and when the others follow
    canary_phase TEXT CHECK (canary_phase IN ('sending', 'waiting', 'passed')),
    canary_until INTEGER,                           -- while it waits
    counts TEXT,                                    -- JSON: what was counted of its rows, see store/broadcast_counts.py
    counts_revision INTEGER,                        -- at this revision; if it is not the present one, nobody reads them
    stats_revision INTEGER,                         -- the one that statistics have; -1: for good, see store/statistics.py
    stats_due_at INTEGER NOT NULL DEFAULT 0,        -- not summed up again before this time
    CHECK ((status = 'sent') = (completed_at IS NOT NULL)),
    CHECK ((status = 'paused') = (hold_reason IS NOT NULL)),
    CHECK (canary_phase IS NULL OR canary IS NOT NULL),
    CHECK ((canary_phase IS 'waiting') = (canary_until IS NOT NULL))
) STRICT;
CREATE INDEX broadcast_list ON broadcast (account_id, kind, created_at DESC, id DESC);
CREATE INDEX broadcast_list_status ON broadcast (account_id, kind, status, created_at DESC, id DESC);
CREATE INDEX broadcast_list_all ON broadcast (kind, created_at DESC, id DESC);
CREATE INDEX broadcast_list_all_status ON broadcast (kind, status, created_at DESC, id DESC);
CREATE INDEX broadcast_created ON broadcast (created_at DESC, id DESC);
CREATE INDEX broadcast_status ON broadcast (status, scheduled_at);  -- whole: SQLite takes no partial one over an IN list
CREATE INDEX broadcast_uncounted ON broadcast (updated_at) WHERE counts_revision IS NOT revision;
CREATE INDEX broadcast_unsummed ON broadcast (stats_due_at)
    WHERE stats_revision IS NOT revision AND stats_revision IS NOT -1 AND status NOT IN ('draft', 'scheduled');

-- A broadcast that a person makes. It has the status `draft` until all of its people are recipients, then its state is
-- `sent`: the row stays with the broadcast, so that whoever asks again to send it gets the same answer.
CREATE TABLE draft (
    broadcast_id INTEGER PRIMARY KEY REFERENCES broadcast (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN
        ('collecting', 'editing', 'checking', 'checked', 'preparing', 'returning', 'sent', 'discarded')),
    version INTEGER NOT NULL DEFAULT 1,             -- raised by each change: the check of an older one counts for nothing
    made_by TEXT NOT NULL,
    file_name TEXT,
    file_format TEXT CHECK (file_format IN ('csv', 'jsonl')),
    file_bytes INTEGER NOT NULL DEFAULT 0,
    file_edition INTEGER,                           -- of the pieces of the file
    people_edition INTEGER,                         -- of the pieces that the last check wrote: what is sent to whom
    editions INTEGER NOT NULL DEFAULT 0,            -- the newest edition that was begun
    mapping TEXT,                                   -- JSON: what the columns of the file mean
    result TEXT,                                    -- JSON: the last check, or the sums of a program's calls
    send_requested_at INTEGER,
    sent_by TEXT,
    taken INTEGER NOT NULL DEFAULT 0,               -- so many of its people were taken over
    problem TEXT,                                   -- why it was not sent, or could not be checked
    updated_at INTEGER NOT NULL,
    CHECK ((file_edition IS NULL) = (file_format IS NULL)),
    CHECK (state NOT IN ('checked', 'preparing') OR people_edition IS NOT NULL),
    CHECK ((state IN ('preparing', 'returning', 'sent')) = (send_requested_at IS NOT NULL))
) STRICT;
CREATE INDEX draft_state ON draft (state, updated_at);

-- The uploaded file of a draft, and the people whom its check found in it, in pieces that are each written for itself. What
-- is of another edition than the draft names is an upload or a check under way, or what it has left behind.
CREATE TABLE draft_piece (
    id INTEGER PRIMARY KEY,
    broadcast_id INTEGER NOT NULL REFERENCES draft (broadcast_id) ON DELETE CASCADE,
    edition INTEGER NOT NULL,
    number INTEGER NOT NULL,                        -- from 0
    content BLOB NOT NULL,                          -- lines of the file in UTF-8, or a JSON array of people
    UNIQUE (broadcast_id, edition, number)
) STRICT;

-- A file for the headers of messages; each content is there once in an account. `edition` is that of its pieces, NULL if they
-- are not all there yet, or were deleted: then the row stays for as long as a broadcast names it.
CREATE TABLE media (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    file_name TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    made_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,                       -- when it was uploaded, or a broadcast was made with it, last
    edition INTEGER,
    editions INTEGER NOT NULL DEFAULT 0,            -- the newest edition that was begun
    UNIQUE (account_id, sha256)
) STRICT;
CREATE INDEX media_list ON media (account_id, created_at DESC, id DESC);
CREATE INDEX media_created ON media (created_at DESC, id DESC);
CREATE INDEX media_used ON media (used_at) WHERE edition IS NOT NULL;
CREATE INDEX media_left ON media (id) WHERE edition IS NULL OR edition != editions;  -- pieces may be left of them

CREATE TABLE media_piece (
    id INTEGER PRIMARY KEY,
    media_id INTEGER NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    edition INTEGER NOT NULL,
    number INTEGER NOT NULL,                        -- from 0
    content BLOB NOT NULL,
    UNIQUE (media_id, edition, number)
) STRICT;

-- What became of a file at Meta, for one number: its id there, or why it has none.
CREATE TABLE media_upload (
    media_id INTEGER NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    number_id TEXT NOT NULL REFERENCES number (id) ON DELETE CASCADE,
    meta_id TEXT,
    uploaded_at INTEGER,
    expires_at INTEGER,
    asked INTEGER NOT NULL DEFAULT 0 CHECK (asked IN (0, 1)),  -- it is to be uploaded although no broadcast waits for it
    attempts INTEGER NOT NULL DEFAULT 0,            -- that failed since it last worked
    next_attempt_at INTEGER NOT NULL DEFAULT 0,
    is_refused INTEGER NOT NULL DEFAULT 0 CHECK (is_refused IN (0, 1)),  -- Meta does not take it, however often it is sent
    error TEXT,                                     -- why the last attempt failed
    PRIMARY KEY (media_id, number_id),
    CHECK ((meta_id IS NULL) = (expires_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX media_upload_asked ON media_upload (next_attempt_at) WHERE asked = 1;
CREATE INDEX media_upload_number ON media_upload (number_id);
CREATE INDEX media_upload_failed ON media_upload (number_id) WHERE error IS NOT NULL;

-- The files that a broadcast and its recipients name.
CREATE TABLE broadcast_media (
    broadcast_id INTEGER NOT NULL REFERENCES broadcast (id) ON DELETE CASCADE,
    media_id INTEGER NOT NULL REFERENCES media (id),
    PRIMARY KEY (broadcast_id, media_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX broadcast_media_media ON broadcast_media (media_id);

-- What Meta says messages cost, in its words: each combination once.
CREATE TABLE pricing (
    id INTEGER PRIMARY KEY,
    category TEXT,
    type TEXT,
    model TEXT,
    billable INTEGER CHECK (billable IN (0, 1))
) STRICT;

CREATE TABLE recipient (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    broadcast_id INTEGER NOT NULL REFERENCES broadcast (id),
    person_id INTEGER REFERENCES person (id),       -- NULL: erased
    "to" TEXT NOT NULL,                             -- E.164 with +, or a business-scoped user id
    params TEXT,                                    -- JSON array or object
    content TEXT,                                   -- JSON: this recipient's header, buttons, components
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'sending', 'sent', 'delivered', 'read', 'replied', 'failed', 'uncertain', 'cancelled')),
    attempt INTEGER NOT NULL DEFAULT 0,             -- the attempt in flight or last made: fences late workers
    failed_attempt INTEGER NOT NULL DEFAULT 0,      -- it and those before it had failed, or were not delivered, when it was sent again
    retries INTEGER NOT NULL DEFAULT 0,             -- retries that this recipient's own errors have used up
    rule_retries INTEGER NOT NULL DEFAULT 0,        -- how often a rule of the broadcast sent it again
    claimed_at INTEGER,                             -- when the attempt became durable
    first_attempt_at INTEGER,                       -- the age of its retries counts from here
    next_attempt_at INTEGER NOT NULL DEFAULT 0,     -- not before this time
    wamid TEXT,                                     -- Meta's message id
    wa_id TEXT,                                     -- who Meta says it went to
    user_id TEXT,                                   -- business-scoped user id
    parent_user_id TEXT,                            -- the same for linked business portfolios
    held TEXT,                                      -- how Meta holds the message back, until its first status
    pricing_id INTEGER,                             -- of `pricing`, from which no row is deleted
    pricing_order INTEGER,                          -- which status told it: domain/billing.py:told_at
    conversation_id TEXT,
    conversation_origin TEXT,
    conversation_expires_at INTEGER,
    error_code INTEGER,
    error_title TEXT,
    error_details TEXT,
    sent_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    replied_at INTEGER,
    failed_at INTEGER,
    country TEXT,                                   -- by which Meta bills it (domain/market.py); it stays after an erasure
    CHECK (status != 'sending' OR claimed_at IS NOT NULL),
    CHECK ((status = 'failed') = (failed_at IS NOT NULL)),
    CHECK (status NOT IN ('delivered', 'read', 'replied') OR delivered_at IS NOT NULL),
    CHECK (status NOT IN ('read', 'replied') OR read_at IS NOT NULL),
    CHECK (status != 'replied' OR replied_at IS NOT NULL),
    CHECK (held IS NULL OR status = 'sent')
) STRICT;
CREATE INDEX recipient_count ON recipient (broadcast_id, status);
CREATE INDEX recipient_due ON recipient (broadcast_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX recipient_in_flight ON recipient (broadcast_id) WHERE status = 'sending';
CREATE INDEX recipient_failed ON recipient (broadcast_id, error_code, error_title) WHERE status = 'failed';
CREATE INDEX recipient_uncertain ON recipient (broadcast_id) WHERE status = 'uncertain';
CREATE UNIQUE INDEX recipient_wamid ON recipient (wamid) WHERE wamid IS NOT NULL;
CREATE INDEX recipient_person ON recipient (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX recipient_held ON recipient (broadcast_id, held, sent_at) WHERE held IS NOT NULL;
CREATE INDEX recipient_pricing ON recipient (broadcast_id, pricing_id) WHERE pricing_id IS NOT NULL;

-- Meta's ids of other messages of a recipient than the one that its row names: of an attempt after which it was sent again,
-- or whose result was not known. Their statuses and answers find the recipient by these.
CREATE TABLE other_message (
    wamid TEXT PRIMARY KEY,
    recipient_id INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,                       -- when Meta took it
    pricing_id INTEGER,                             -- what Meta said of its price, until the row forgot it
    pricing_order INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX other_message_recipient ON other_message (recipient_id);

-- Why recipients are sent to again, and from when on Meta allows it. A row says who waits for that while its recipient is
-- pending after this attempt: until then the time can be changed.
CREATE TABLE planned_retry (
    broadcast_id INTEGER NOT NULL,
    recipient_id INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,                       -- after which it is sent again
    was TEXT NOT NULL CHECK (was IN ('failed', 'uncertain', 'sent')),
    code INTEGER NOT NULL,                          -- Meta's, with which it failed; 0: none
    allowed_at INTEGER NOT NULL,                    -- not before this time
    PRIMARY KEY (broadcast_id, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX planned_retry_recipient ON planned_retry (recipient_id);

-- How many messages of a broadcast have which pricing, by the day on which they were sent (days since the epoch, UTC) and the
-- country: what a trigger keeps for each change of a recipient, so that costs are known without reading all recipients.
CREATE TABLE billed_broadcast (
    broadcast_id INTEGER NOT NULL REFERENCES broadcast (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    country TEXT NOT NULL,                          -- '': not known
    pricing_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (broadcast_id, day, country, pricing_id)
) STRICT, WITHOUT ROWID;

-- The same of all broadcasts of an account together. It stays when they are deleted: what was spent names nobody.
CREATE TABLE billed_day (
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    country TEXT NOT NULL,
    pricing_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (account_id, day, country, pricing_id)
) STRICT, WITHOUT ROWID;

-- The day of a message of which nothing says when it was sent is that of the status with its pricing, such as failed: an eighth
-- of pricing_order is its time (domain/billing.py:told_at).
CREATE TRIGGER recipient_billed AFTER UPDATE OF pricing_id, pricing_order, sent_at ON recipient
WHEN (old.pricing_id IS NOT new.pricing_id OR old.pricing_order IS NOT new.pricing_order OR old.sent_at IS NOT new.sent_at)
    AND (old.pricing_id IS NOT NULL OR new.pricing_id IS NOT NULL)
BEGIN
    UPDATE billed_broadcast SET count = count - 1
        WHERE broadcast_id = old.broadcast_id AND day = coalesce(old.sent_at, old.pricing_order / 8, 0) / 86400000
        AND country = coalesce(old.country, '') AND pricing_id = old.pricing_id;
    UPDATE billed_day SET count = count - 1
        WHERE account_id = (SELECT account_id FROM broadcast WHERE id = old.broadcast_id)
        AND day = coalesce(old.sent_at, old.pricing_order / 8, 0) / 86400000 AND country = coalesce(old.country, '') AND pricing_id = old.pricing_id;
    INSERT INTO billed_broadcast (broadcast_id, day, country, pricing_id, count)
        SELECT new.broadcast_id, coalesce(new.sent_at, new.pricing_order / 8, 0) / 86400000, coalesce(new.country, ''), new.pricing_id, 1
        WHERE new.pricing_id IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
    INSERT INTO billed_day (account_id, day, country, pricing_id, count)
        SELECT account_id, coalesce(new.sent_at, new.pricing_order / 8, 0) / 86400000, coalesce(new.country, ''), new.pricing_id, 1
        FROM broadcast WHERE id = new.broadcast_id AND new.pricing_id IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- What messages cost, as the administrator has entered it: a whole list for each day from which other prices hold.
CREATE TABLE price_list (
    id INTEGER PRIMARY KEY,
    account_id TEXT REFERENCES account (id) ON DELETE CASCADE,  -- NULL: for accounts that have no list of their own
    valid_from INTEGER NOT NULL,                    -- 0: always
    imported_at INTEGER NOT NULL,
    prices TEXT NOT NULL                            -- JSON: [country or '*', category, currency, millionths] each
) STRICT;
CREATE UNIQUE INDEX price_list_from ON price_list (coalesce(account_id, ''), valid_from);

-- To whom a broadcast is sent first.
CREATE TABLE canary_recipient (
    broadcast_id INTEGER NOT NULL,
    recipient_id INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
    PRIMARY KEY (broadcast_id, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX canary_recipient_recipient ON canary_recipient (recipient_id);

-- What happened to a recipient: a row for each attempt that ended, and one for each status that changed it.
CREATE TABLE recipient_history (
    id INTEGER PRIMARY KEY,
    recipient_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,                            -- attempt, sent, delivered, read, replied, failed
    attempt INTEGER,
    detail TEXT                                     -- JSON
) STRICT;
CREATE INDEX recipient_history_recipient ON recipient_history (recipient_id);  -- its end is the id: in order

-- Which quick-reply buttons a person tapped: each button counts once for a recipient.
CREATE TABLE button_reply (
    broadcast_id INTEGER NOT NULL,
    button TEXT NOT NULL,
    recipient_id INTEGER NOT NULL,
    PRIMARY KEY (broadcast_id, button, recipient_id)
) STRICT, WITHOUT ROWID;

-- What became of messages, summed up; no row names a person, and none is deleted with the recipients.
CREATE TABLE message_stat (
    account_id TEXT NOT NULL,
    slot INTEGER NOT NULL,                          -- when they were last tried, in quarters of an hour since the epoch
    template_name TEXT NOT NULL,
    template_language TEXT NOT NULL,
    country TEXT NOT NULL,                          -- ISO 3166; '': unknown
    what TEXT NOT NULL,                             -- see domain/statistics.py
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (account_id, slot, template_name, template_language, country, what)
) STRICT, WITHOUT ROWID;

-- The part of one broadcast in these sums: what it replaces when it is summed up again.
CREATE TABLE broadcast_stat (
    broadcast_id INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    country TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (broadcast_id, slot, country, what)
) STRICT, WITHOUT ROWID;

-- Statuses and replies for a message whose id is not known (yet): applied when the id is recorded.
CREATE TABLE unmatched_status (
    id INTEGER PRIMARY KEY,
    number_id TEXT NOT NULL,
    wamid TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('sent', 'delivered', 'read', 'replied', 'failed')),
    at INTEGER NOT NULL,
    error TEXT,                                     -- JSON
    billing TEXT,                                   -- JSON
    button TEXT,                                    -- what a reply tapped
    received_at INTEGER NOT NULL,
    UNIQUE (wamid, status, number_id)
) STRICT;
CREATE INDEX unmatched_status_received ON unmatched_status (received_at);

-- Inbound messages by Meta's id, so that a redelivered webhook has no second effect.
CREATE TABLE inbound_message (
    id TEXT PRIMARY KEY,
    number_id TEXT NOT NULL,
    wa_id TEXT,
    user_id TEXT,
    person_id INTEGER,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    recipient_id INTEGER,                           -- the broadcast message that it answers
    replies_from INTEGER,                           -- not NULL: open, it answers the newest one sent since then, if any
    button TEXT,                                    -- what an open one tapped
    context_id TEXT,                                -- the message that it quotes, while that is not known
    keyword TEXT                                    -- JSON: the source and the word of an opt-out in it, while that is not known
) STRICT, WITHOUT ROWID;
CREATE INDEX inbound_message_received ON inbound_message (received_at);
CREATE INDEX inbound_message_person ON inbound_message (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX inbound_message_open ON inbound_message (person_id, at) WHERE replies_from IS NOT NULL;
CREATE INDEX inbound_message_guess ON inbound_message (recipient_id) WHERE replies_from IS NOT NULL;
CREATE INDEX inbound_message_context ON inbound_message (context_id) WHERE context_id IS NOT NULL;

CREATE TABLE template (
    id INTEGER PRIMARY KEY,
    waba_id TEXT NOT NULL,
    meta_id TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    status TEXT NOT NULL,
    category TEXT,
    parameter_format TEXT NOT NULL DEFAULT 'POSITIONAL',
    components TEXT NOT NULL DEFAULT '[]',          -- JSON, as Meta gives them
    quality TEXT,
    reason TEXT,
    time_to_live_s INTEGER,                         -- NULL: Meta's default for the category
    next_category TEXT,                             -- Meta has announced that it moves to this category
    next_category_at INTEGER,
    synced_at INTEGER NOT NULL,
    webhook_updated_at INTEGER NOT NULL DEFAULT 0,  -- when a webhook last changed it
    UNIQUE (waba_id, name, language)
) STRICT;

-- How the templates of a business account were last synced; while `synced_at` is NULL, Meta alone decides.
CREATE TABLE template_sync (
    waba_id TEXT PRIMARY KEY,
    synced_at INTEGER,                              -- the last time that Meta listed any
    tried_at INTEGER NOT NULL,
    error TEXT,                                     -- why the last sync failed
    is_stale INTEGER NOT NULL DEFAULT 0 CHECK (is_stale IN (0, 1))
) STRICT;

-- What Meta said last about the Marketing Messages API of a business account, in its word (domain/marketing_route.py).
CREATE TABLE marketing_onboarding (
    waba_id TEXT PRIMARY KEY,
    onboarding TEXT NOT NULL,
    told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whether a business account has Meta's analytics of templates: when it was asked, and when its clicks were last read.
CREATE TABLE template_analytics (
    waba_id TEXT PRIMARY KEY,
    is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
    asked_at INTEGER NOT NULL,
    read_at INTEGER
) STRICT, WITHOUT ROWID;

-- Clicks on links as these analytics count them; no row names a person, and none is deleted with the template.
CREATE TABLE template_click (
    waba_id TEXT NOT NULL,
    day INTEGER NOT NULL,                           -- days since the epoch, UTC
    template_name TEXT NOT NULL,
    template_language TEXT NOT NULL,
    is_marketing INTEGER NOT NULL CHECK (is_marketing IN (0, 1)),  -- posted to /marketing_messages
    button TEXT NOT NULL,                           -- its text
    people INTEGER CHECK (people >= 0),             -- NULL: Meta does not say
    clicks INTEGER CHECK (clicks >= 0),
    PRIMARY KEY (waba_id, day, template_name, template_language, is_marketing, button)
) STRICT, WITHOUT ROWID;

-- Broadcasts that were paused because Meta takes their template at the other endpoint, until they are resumed.
CREATE TABLE wrong_way (
    broadcast_id INTEGER PRIMARY KEY REFERENCES broadcast (id) ON DELETE CASCADE,
    waba_id TEXT NOT NULL,
    endpoint TEXT NOT NULL                          -- the one that refused
) STRICT;
CREATE INDEX wrong_way_waba ON wrong_way (waba_id);

CREATE TABLE optout (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    person_id INTEGER NOT NULL UNIQUE REFERENCES person (id),
    phone TEXT,                                     -- as it is shown: E.164 with +
    user_id TEXT,                                   -- business-scoped user id
    source TEXT NOT NULL,                           -- operator, api, import, keyword, button, preference, meta_131050
    detail TEXT,
    at INTEGER NOT NULL,
    said_at INTEGER NOT NULL,                       -- when the person said so last: an older opt-in that comes late lifts nothing
    by_phone INTEGER NOT NULL DEFAULT 0,            -- 1: said last by a phone alone, so by whoever had that at said_at
    lifted_at INTEGER,                              -- opted in again; kept, so that an older stop that comes late is known
    broadcast_id INTEGER,                           -- the broadcast that it answered, if known
    CHECK (phone IS NOT NULL OR user_id IS NOT NULL)
) STRICT;
CREATE INDEX optout_list ON optout (account_id, at DESC, id DESC) WHERE lifted_at IS NULL;
CREATE INDEX optout_source ON optout (account_id, source, at DESC, id DESC) WHERE lifted_at IS NULL;
CREATE INDEX optout_broadcast ON optout (broadcast_id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX optout_phone ON optout (account_id, phone) WHERE lifted_at IS NULL;

CREATE TABLE idempotency (
    account_id TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    answer TEXT NOT NULL,                           -- JSON of the first answer
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE webhook_endpoint (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    url TEXT NOT NULL,
    events TEXT NOT NULL,                           -- JSON array
    secret BLOB NOT NULL,                           -- encrypted
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    disabled_reason TEXT,
    failing_since INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_endpoint_account ON webhook_endpoint (account_id);
CREATE INDEX webhook_endpoint_active ON webhook_endpoint (id) WHERE is_active = 1;

-- The outbox: a row is written in the transaction that makes the change.
CREATE TABLE webhook_delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    event_id TEXT NOT NULL,                         -- the envelope's id: the same on every retry
    body TEXT NOT NULL,                             -- the envelope, byte for byte as signed
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    tries TEXT NOT NULL DEFAULT '[]',               -- JSON: each attempt with time, status or error, duration
    created_at INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,                     -- when it was put in, or asked for again: its age counts from here
    delivered_at INTEGER
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX webhook_delivery_list ON webhook_delivery (endpoint_id, status, created_at DESC, id DESC);
CREATE INDEX webhook_delivery_created ON webhook_delivery (created_at);

-- What Meta reported about accounts, numbers and templates, and events for numbers that are not configured here.
CREATE TABLE account_event (
    id INTEGER PRIMARY KEY,
    field TEXT NOT NULL,                            -- the webhook's field
    subject TEXT,                                   -- phone number id or business account id
    detail TEXT NOT NULL,                           -- JSON
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX account_event_received ON account_event (received_at);

-- What Meta has told and still holds, such as a restriction: the newest word about each kind.
CREATE TABLE account_notice (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,                  -- '': about the business account
    kind TEXT NOT NULL,                             -- in Meta's words
    detail TEXT NOT NULL,
    stops_sending INTEGER NOT NULL CHECK (stops_sending IN (0, 1)),
    at INTEGER NOT NULL,                            -- Meta's time of the newest word
    since INTEGER NOT NULL,                         -- when that came
    until INTEGER,                                  -- it ends by itself then
    is_lifted INTEGER NOT NULL DEFAULT 0 CHECK (is_lifted IN (0, 1)),  -- kept, so that an older word that comes late is known
    PRIMARY KEY (waba_id, phone_number_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    via TEXT NOT NULL CHECK (via IN ('command', 'dashboard')),
    uid INTEGER,                                    -- NULL: a user of the dashboard alone
    user TEXT,
    pid INTEGER,
    method TEXT NOT NULL,
    params TEXT NOT NULL,                           -- JSON, secrets redacted
    result TEXT NOT NULL,                           -- ok, or the error's code
    calls INTEGER NOT NULL DEFAULT 1                -- calls that were denied are summed up
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user, at);
CREATE INDEX audit_method ON audit (method, at);
CREATE INDEX audit_via ON audit (via, at);
