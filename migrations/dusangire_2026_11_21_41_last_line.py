"""The last line: triggers that refuse a tray's step without proof, and hold trays that a change made unsafe."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory

ID = "2026-11-21T23:41:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "The last line: triggers that refuse a tray's step without proof, and hold trays that a change made unsafe."
)

# Every legal step of a tray and the gate it must pass; a test holds it against orders.rules.ORDER.
_UNFINISHED = "awaiting_payment in_review confirmed preparing ready out_for_delivery arrived"
_STEPS = [
    *((source, "confirmed", "checkout") for source in ("in_review", "awaiting_payment", "held")),
    ("problem", "confirmed", "fire"),
    ("confirmed", "preparing", "fire"),
    ("preparing", "ready", "plate"),
    ("ready", "preparing", None),
    ("ready", "out_for_delivery", "dispatch"),
    ("undelivered", "out_for_delivery", "dispatch"),
    ("out_for_delivery", "arrived", "dispatch"),
    ("out_for_delivery", "delivered", "handover"),
    ("arrived", "delivered", "handover"),
    ("delivered", "completed", None),
    *((source, "held", None) for source in (*_UNFINISHED.split(), "problem")),
    *((source, "problem", None) for source in ("confirmed", "preparing", "ready")),
    *((source, "undelivered", None) for source in ("out_for_delivery", "arrived")),
    *((source, "cancelled", None) for source in (*_UNFINISHED.split(), "held", "problem", "undelivered")),
    *((source, "refused", None) for source in ("in_review", "held")),
    *((source, "expired", None) for source in ("awaiting_payment", "in_review", "held")),
]
_ROWS = ", ".join(f"('{a}', '{b}', {f'{gate!r}' if gate else 'NULL'})" for a, b, gate in _STEPS)
_FROZEN = (
    "id, hospital, code, patient, admission, cart, day, period, cutoff_at, request, items_minor, tax_minor, "
    "delivery_minor, discount_minor, total_minor, placed_by, placed_as, placed_at, automatic, automatic_key, replaces"
)


def _frozen(row: str) -> str:
    return ", ".join(f"{row}.{name.strip()}" for name in _FROZEN.split(","))


def _proven(gate: str) -> str:
    """Whether a step has its proof: an ALLOW of this very transaction for its gate, at the revisions of now."""
    return f"""EXISTS (
        SELECT FROM safety_check c
        WHERE c.txid = pg_current_xact_id() AND c.hospital = NEW.hospital AND c.meal_order = NEW.id
          AND c.patient = NEW.patient AND c.gate = {gate} AND c.answer = 'allow'
          AND c.safety_rev = (SELECT s.safety_rev FROM patient_safety s
                              WHERE s.hospital = NEW.hospital AND s.patient = NEW.patient)
          AND c.menu_rev = (SELECT m.rev FROM menu_revision m WHERE m.hospital = NEW.hospital)
          AND c.manual_rev = (SELECT r.rev FROM manual_revision r WHERE r.hospital = NEW.hospital))"""


_OPEN = "'awaiting_payment', 'in_review', 'confirmed', 'preparing', 'ready', 'out_for_delivery', 'arrived', 'problem'"
_SAFE_PATH = "SET search_path = pg_catalog, public, pg_temp"

SQL = f"""
CREATE TABLE order_step (
    source text NOT NULL,
    target text NOT NULL,
    gate text,
    PRIMARY KEY (source, target)
);
INSERT INTO order_step VALUES {_ROWS};
GRANT SELECT ON order_step TO dus_app;

-- Who changes the stamp on the way must not hide the rows that a guard looks at from it.
CREATE FUNCTION dus_stamped(h int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF nullif(current_setting('app.hospital', true), '')::int <> h THEN
        RAISE EXCEPTION 'the hospital was changed in the middle of a transaction' USING ERRCODE = 'DUS06';
    END IF;
    RETURN true;
END $$ {_SAFE_PATH};

-- Menu and manual stay as they are until the transaction is over.
CREATE FUNCTION dus_keep_revisions(h int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM menu_revision m, manual_revision r WHERE m.hospital = h AND r.hospital = h FOR SHARE;
END $$ {_SAFE_PATH};

-- A tray is born in one state.
CREATE FUNCTION dus_order_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a tray is born in_review, not %', NEW.status USING ERRCODE = 'DUS03';
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_order_born BEFORE INSERT ON meal_order FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM 'in_review')
    EXECUTE FUNCTION dus_order_born();

-- What was ordered stays as it was ordered; each step is one of the table, and a gate wants its proof: an ALLOW of this
-- very transaction at the revisions of now, and no objection of the second verdict.
CREATE FUNCTION dus_order_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    step order_step;
    is_stamped boolean;
    is_stopped boolean;
    is_proven boolean;
    against text[];
BEGIN
    IF ({_frozen("NEW")}) IS DISTINCT FROM ({_frozen("OLD")}) THEN
        RAISE EXCEPTION 'what was ordered cannot be changed' USING ERRCODE = 'DUS04';
    END IF;
    IF NEW.tray_token <> OLD.tray_token THEN
        IF NOT EXISTS (SELECT FROM order_line_change c WHERE c.hospital = NEW.hospital AND c.meal_order = NEW.id
                       AND c.old_token = OLD.tray_token AND c.txid = pg_current_xact_id()) THEN
            RAISE EXCEPTION 'a tray keeps its code until something on it is substituted' USING ERRCODE = 'DUS04';
        END IF;
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    is_stamped := dus_stamped(NEW.hospital);  -- assigned, for PERFORM is a whole statement
    SELECT * INTO step FROM order_step s WHERE s.source = OLD.status AND s.target = NEW.status;
    IF step.source IS NULL THEN
        RAISE EXCEPTION 'a tray does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'DUS05';
    END IF;
    IF step.gate IS NULL THEN
        RETURN NEW;
    END IF;
    -- Who changes food looks for open trays: one that only now becomes open must not slip past that look.
    IF step.gate = 'checkout' OR step.source = 'undelivered' THEN
        PERFORM FROM patient_safety s, menu_revision m, manual_revision r
        WHERE s.hospital = NEW.hospital AND s.patient = NEW.patient AND m.hospital = NEW.hospital AND r.hospital = NEW.hospital
        FOR NO KEY UPDATE OF s FOR SHARE OF m, r;
    ELSE
        PERFORM FROM patient_safety s WHERE s.hospital = NEW.hospital AND s.patient = NEW.patient FOR NO KEY UPDATE;
    END IF;
    SELECT EXISTS (SELECT FROM meal_stop m WHERE m.hospital = NEW.hospital AND m.ended_at IS NULL), {
    _proven("step.gate")
}
    INTO is_stopped, is_proven;
    IF is_stopped THEN
        RAISE EXCEPTION 'all trays of the hospital are stopped' USING ERRCODE = 'DUS02';
    END IF;
    IF NOT is_proven THEN
        RAISE EXCEPTION 'no fresh ALLOW for the gate %', step.gate USING ERRCODE = 'DUS01';
    END IF;
    against := dus_order_reasons(NEW.hospital, NEW.id, clock_timestamp());
    IF cardinality(against) > 0 THEN
        RAISE EXCEPTION 'the second verdict objects at the gate %', step.gate
            USING ERRCODE = 'DUS01', DETAIL = array_to_string(against, ' ');
    END IF;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_order_moves BEFORE UPDATE ON meal_order FOR EACH ROW EXECUTE FUNCTION dus_order_moves();

-- A proof holds until its transaction is over: what changes a fact after the step takes the step back.
CREATE FUNCTION dus_step_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_stamped boolean := dus_stamped(NEW.hospital);
BEGIN
    IF EXISTS (SELECT FROM order_step t WHERE t.source = OLD.status AND t.target = NEW.status AND t.gate IS NOT NULL
               AND NOT {_proven("t.gate")}) THEN
        RAISE EXCEPTION 'the proof of a step was overtaken before it was committed' USING ERRCODE = 'DUS01';
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE CONSTRAINT TRIGGER dus_step_stands AFTER UPDATE OF status ON meal_order DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION dus_step_stands();

-- The lines of a tray are written while it is in review. Later a substitution, noted in the same transaction, may
-- write one new line and mark the old one; the second verdict looks at the tray before that commits.
CREATE FUNCTION dus_line_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM born l WHERE NOT coalesce((
            SELECT o.status = 'in_review' OR o.status IN ('confirmed', 'preparing', 'problem', 'held') AND EXISTS (
                SELECT FROM order_line_change c WHERE c.hospital = l.hospital AND c.meal_order = l.meal_order
                  AND c.new_line = l.id AND c.txid = pg_current_xact_id())
            FROM meal_order o WHERE o.hospital = l.hospital AND o.id = l.meal_order), false)) THEN
        RAISE EXCEPTION 'the lines of a tray are frozen' USING ERRCODE = 'DUS04';
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_line_born AFTER INSERT ON order_line REFERENCING NEW TABLE AS born
    FOR EACH STATEMENT EXECUTE FUNCTION dus_line_born();
CREATE FUNCTION dus_line_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'replaced_at' = to_jsonb(OLD) - 'replaced_at' AND OLD.replaced_at IS NULL AND EXISTS (
            SELECT FROM order_line_change c WHERE c.hospital = NEW.hospital AND c.meal_order = NEW.meal_order
              AND c.old_line = NEW.id AND c.txid = pg_current_xact_id()) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the lines of a tray are frozen' USING ERRCODE = 'DUS04';
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_line_frozen BEFORE UPDATE OR DELETE ON order_line
    FOR EACH ROW EXECUTE FUNCTION dus_line_frozen();
CREATE FUNCTION dus_line_judged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    against text[];
BEGIN
    PERFORM dus_stamped(NEW.hospital);
    PERFORM dus_keep_revisions(NEW.hospital);
    against := dus_order_reasons(NEW.hospital, NEW.meal_order, clock_timestamp());
    IF cardinality(against) > 0 THEN
        RAISE EXCEPTION 'the second verdict objects to a substitution'
            USING ERRCODE = 'DUS01', DETAIL = array_to_string(against, ' ');
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE CONSTRAINT TRIGGER dus_line_judged AFTER INSERT ON order_line_change DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dus_line_judged();

-- Proof is dated by the database, whatever the writer says.
CREATE FUNCTION dus_check_stamped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.txid := pg_current_xact_id();
    NEW.at := clock_timestamp();
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE INDEX safety_check_txid ON safety_check (txid);
CREATE TRIGGER dus_check_stamped BEFORE INSERT ON safety_check FOR EACH ROW EXECUTE FUNCTION dus_check_stamped();

-- The guarding row: its revision never falls, its count is kept by triggers alone, its own facts raise it.
CREATE FUNCTION dus_guard_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.hospital, NEW.patient) IS DISTINCT FROM (OLD.hospital, OLD.patient) OR NEW.safety_rev < OLD.safety_rev THEN
        RAISE EXCEPTION 'a safety revision never falls and never moves' USING ERRCODE = 'DUS06';
    END IF;
    IF NEW.constraint_count <> OLD.constraint_count AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'the count of constraints is kept by the database' USING ERRCODE = 'DUS06';
    END IF;
    IF (NEW.allergy_status, NEW.uncoded_text) IS DISTINCT FROM (OLD.allergy_status, OLD.uncoded_text)
       AND NEW.safety_rev = OLD.safety_rev THEN
        NEW.safety_rev := OLD.safety_rev + 1;
    END IF;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_guard_kept BEFORE UPDATE ON patient_safety FOR EACH ROW EXECUTE FUNCTION dus_guard_kept();
CREATE FUNCTION dus_guard_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.constraint_count := 0;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_guard_born BEFORE INSERT ON patient_safety FOR EACH ROW EXECUTE FUNCTION dus_guard_born();

-- Whatever may make a tray unsafe locks the guarding row before it is written…
CREATE FUNCTION dus_fact_locks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fact jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.hospital, OLD.patient) IS DISTINCT FROM (NEW.hospital, NEW.patient) THEN
        RAISE EXCEPTION 'a fact of one patient never becomes another''s' USING ERRCODE = 'DUS06';
    END IF;
    PERFORM FROM patient_safety s
    WHERE s.hospital = (fact->>'hospital')::int AND s.patient = (fact->>'patient')::uuid FOR NO KEY UPDATE;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$ {_SAFE_PATH};

-- …and raises its revision, with the count of rows that a verdict must find.
CREATE FUNCTION dus_counts(kind text, fact jsonb) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind
        WHEN 'allergy' THEN (fact->>'ended_at' IS NULL)::int
        WHEN 'npo_hold' THEN (fact->>'cancelled_at' IS NULL)::int
        WHEN 'diet_order' THEN (fact->>'status' = 'active')::int
        ELSE 0 END
$$ {_SAFE_PATH};
CREATE FUNCTION dus_fact_counted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
    fact jsonb := coalesce(after, before);
    more int := CASE WHEN after IS NULL THEN 0 ELSE dus_counts(TG_TABLE_NAME, after) END
              - CASE WHEN before IS NULL THEN 0 ELSE dus_counts(TG_TABLE_NAME, before) END;
BEGIN
    IF TG_TABLE_NAME = 'diet_order' AND coalesce(before->>'status', '') <> 'active' AND coalesce(after->>'status', '') <> 'active' THEN
        RETURN NULL;
    END IF;
    PERFORM dus_stamped((fact->>'hospital')::int);
    UPDATE patient_safety s SET safety_rev = s.safety_rev + 1, constraint_count = s.constraint_count + more
    WHERE s.hospital = (fact->>'hospital')::int AND s.patient = (fact->>'patient')::uuid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a fact without its patient''s guarding row' USING ERRCODE = 'DUS06';
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
{
    "".join(
        f'''
CREATE TRIGGER dus_fact_locks BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION dus_fact_locks();
CREATE TRIGGER dus_fact_counted AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION dus_fact_counted();
'''
        for table in ("allergy", "npo_hold", "diet_order", "admission", "stay")
    )
}

-- At the end of the change every open tray that the second verdict objects to is held, in the same commit. The program
-- holds first and with better words; this is for whoever forgot.
CREATE FUNCTION dus_hold_open(h int, p uuid, only_with uuid[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    tray meal_order;
    against text[];
    rung text[];
    news bigint;
    held int := 0;
BEGIN
    FOR tray IN
        SELECT * FROM meal_order o WHERE o.hospital = h AND o.patient = p AND o.status IN ({_OPEN})
          AND (only_with IS NULL OR EXISTS (SELECT FROM order_line l
               WHERE l.hospital = h AND l.meal_order = o.id AND l.dish = ANY (only_with) AND l.replaced_at IS NULL))
        ORDER BY o.id
    LOOP
        against := dus_order_reasons(h, tray.id, clock_timestamp());
        CONTINUE WHEN cardinality(against) = 0;
        UPDATE meal_order o SET status = 'held', held_from = tray.status, status_at = clock_timestamp(),
               hold_reason = '{{"type":"phrase","key":"order.held_at_once"}}'
        WHERE o.hospital = h AND o.id = tray.id AND o.status = tray.status;
        CONTINUE WHEN NOT FOUND;
        rung := ARRAY['order:' || tray.id, h || ':orders', 'patient:' || p];
        INSERT INTO event (hospital, kind, about, actor_role, actor_name, facts, bells)
        VALUES (h, 'order:held', 'order:' || tray.id, 'super_admin', 'Dusangire',
                jsonb_build_object('code', tray.code, 'patient', p, 'was', tray.status, 'held_from', tray.status,
                                   'rule', against[1]), rung)
        RETURNING id INTO news;
        PERFORM pg_notify('dusangire_bell', news || ' ' || array_to_string(rung, ' '));
        held := held + 1;
    END LOOP;
    RETURN held;
END $$ {_SAFE_PATH};

CREATE FUNCTION dus_hold_at_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dus_stamped(NEW.hospital);
    IF EXISTS (SELECT FROM patient_safety s WHERE s.hospital = NEW.hospital AND s.patient = NEW.patient
               AND s.safety_rev = NEW.safety_rev) THEN
        PERFORM dus_hold_open(NEW.hospital, NEW.patient, NULL);
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE CONSTRAINT TRIGGER dus_hold_at_once AFTER UPDATE ON patient_safety DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.safety_rev <> OLD.safety_rev) EXECUTE FUNCTION dus_hold_at_once();

-- An override taken back holds what needed it.
CREATE FUNCTION dus_override_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM patient_safety s WHERE s.hospital = NEW.hospital AND s.patient = NEW.patient FOR NO KEY UPDATE;
    PERFORM dus_hold_open(NEW.hospital, NEW.patient, NULL);
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE CONSTRAINT TRIGGER dus_override_changed AFTER UPDATE ON diet_override DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at OR NEW.expires_at < OLD.expires_at)
    EXECUTE FUNCTION dus_override_changed();

-- A dish that changed: the menu's revision rises once in the transaction (the row then carries its id), so that every
-- proof of others at the old one is stale, and the dish's open trays are looked at again.
CREATE FUNCTION dus_menu_raised() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fact jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    PERFORM dus_stamped((fact->>'hospital')::int);
    UPDATE menu_revision m SET rev = m.rev + 1
    WHERE m.hospital = (fact->>'hospital')::int
      AND (m.xmin <> pg_current_xact_id()::xid
           OR EXISTS (SELECT FROM safety_check c WHERE c.txid = pg_current_xact_id() AND c.hospital = m.hospital));
    RETURN NULL;
END $$ {_SAFE_PATH};
-- Looks once at every open tray with one of some dishes, or with what shares a line that carries over with them. More
-- patients than the program holds at once are left to it and to the gates, which this change made stale.
CREATE FUNCTION dus_hold_dishes(h int, changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
    patients uuid[];
    p uuid;
BEGIN
    SELECT changed || coalesce(array_agg(DISTINCT n.id), '{{}}') INTO touched
    FROM dish d JOIN kitchen_line k ON k.hospital = h AND k.id = d.kitchen_line AND k.carries_over
    JOIN dish n ON n.hospital = h AND n.kitchen_line = k.id
    WHERE d.hospital = h AND d.id = ANY (changed);
    SELECT array_agg(DISTINCT o.patient ORDER BY o.patient) INTO patients FROM meal_order o
    WHERE o.hospital = h AND o.status IN ({_OPEN})
      AND EXISTS (SELECT FROM order_line l WHERE l.hospital = h AND l.meal_order = o.id AND l.dish = ANY (touched)
                  AND l.replaced_at IS NULL);
    IF cardinality(patients) > 100 THEN
        RETURN;
    END IF;
    FOREACH p IN ARRAY coalesce(patients, '{{}}') LOOP
        PERFORM FROM patient_safety s WHERE s.hospital = h AND s.patient = p FOR NO KEY UPDATE;
        PERFORM dus_hold_open(h, p, touched);
    END LOOP;
END $$ {_SAFE_PATH};
-- A line of a recipe is a change of its dish, noted once in the transaction, and not where the dish is new in it.
ALTER TABLE dish ADD COLUMN recipe_touched_at timestamptz NOT NULL DEFAULT now();
CREATE FUNCTION dus_recipe_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fact jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    UPDATE dish d SET recipe_touched_at = clock_timestamp()
    WHERE d.hospital = (fact->>'hospital')::int AND d.id = (fact->>'dish')::uuid AND d.recipe_touched_at < now();
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE FUNCTION dus_dish_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    h int := NEW.hospital;
    changed uuid[];
BEGIN
    PERFORM dus_stamped(h);
    IF NOT EXISTS (SELECT FROM meal_order o WHERE o.hospital = h AND o.status IN ({_OPEN})) THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'ingredient' THEN
        SELECT array_agg(DISTINCT l.dish) INTO changed FROM recipe_line l WHERE l.hospital = h AND l.ingredient = NEW.id;
    ELSIF TG_TABLE_NAME = 'kitchen_line' THEN
        SELECT array_agg(d.id) INTO changed FROM dish d WHERE d.hospital = h AND d.kitchen_line = NEW.id;
    ELSIF EXISTS (SELECT FROM dish d WHERE d.hospital = h AND d.id = NEW.id AND to_jsonb(d) = to_jsonb(NEW)) THEN
        changed := ARRAY[NEW.id];
    END IF;
    IF changed IS NOT NULL THEN
        PERFORM dus_hold_dishes(h, changed);
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_recipe_changed AFTER INSERT OR UPDATE OR DELETE ON recipe_line
    FOR EACH ROW EXECUTE FUNCTION dus_recipe_changed();
CREATE TRIGGER dus_menu_raised AFTER INSERT OR UPDATE OR DELETE ON recipe_line FOR EACH ROW EXECUTE FUNCTION dus_menu_raised();
CREATE TRIGGER dus_menu_raised AFTER UPDATE OF name, allergens, may_contain, declared_on ON ingredient
    FOR EACH ROW EXECUTE FUNCTION dus_menu_raised();
CREATE CONSTRAINT TRIGGER dus_dish_changed AFTER UPDATE OF name, allergens, may_contain, declared_on ON ingredient
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dus_dish_changed();
CREATE TRIGGER dus_menu_raised AFTER UPDATE OF category, iddsi_native, iddsi_achievable, label, label_allergens,
    label_may_contain, label_declared_on, recipe_changed_at, kitchen_line, retired_at ON dish
    FOR EACH ROW EXECUTE FUNCTION dus_menu_raised();
CREATE CONSTRAINT TRIGGER dus_dish_changed AFTER UPDATE OF category, iddsi_native, iddsi_achievable, label, label_allergens,
    label_may_contain, label_declared_on, recipe_changed_at, recipe_touched_at, kitchen_line, retired_at ON dish
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dus_dish_changed();
CREATE TRIGGER dus_menu_raised AFTER UPDATE OF carries_over ON kitchen_line
    FOR EACH ROW EXECUTE FUNCTION dus_menu_raised();
CREATE CONSTRAINT TRIGGER dus_dish_changed AFTER UPDATE OF carries_over ON kitchen_line
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dus_dish_changed();

-- Revisions only rise: whoever kept something at one of them must never meet the same number again.
CREATE FUNCTION dus_revision_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.hospital <> OLD.hospital OR NEW.rev <= OLD.rev THEN
        RAISE EXCEPTION 'a revision only rises' USING ERRCODE = 'DUS06';
    END IF;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_revision_rises BEFORE UPDATE ON menu_revision FOR EACH ROW EXECUTE FUNCTION dus_revision_rises();
CREATE TRIGGER dus_revision_rises BEFORE UPDATE ON manual_revision FOR EACH ROW EXECUTE FUNCTION dus_revision_rises();

-- What must be there for the database to be trusted: every wall, trigger and function of the last line, as written.
CREATE TABLE guard (
    kind text NOT NULL CHECK (kind IN ('wall', 'trigger', 'function')),
    name text NOT NULL,
    digest text NOT NULL,
    PRIMARY KEY (kind, name)
);
GRANT SELECT ON guard TO dus_app;
CREATE VIEW guard_now WITH (security_invoker = true) AS
    SELECT 'wall' AS kind, c.relname::text AS name,
           md5(concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity, pg_get_expr(p.polqual, p.polrelid),
                         pg_get_expr(p.polwithcheck, p.polrelid))) AS digest
    FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'wall'
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'trigger', c.relname || '.' || t.tgname,
           md5(concat_ws(' ', t.tgenabled::text, pg_get_triggerdef(t.oid)))
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
    UNION ALL
    SELECT 'function', f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')',
           md5(concat_ws(' ', f.prosrc, array_to_string(f.proconfig, ' ')))
    FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace AND f.proname LIKE 'dus\\_%';
GRANT SELECT ON guard_now TO dus_app;
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
