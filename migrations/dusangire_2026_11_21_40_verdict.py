"""The second verdict: the hard facts of a tray judged in plain SQL, apart from the program's own verdict."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The second verdict: the hard facts of a tray judged in plain SQL, apart from the program's own verdict."

# Reg. (EU) 1169/2011 Annex II: each group with the foods and proteins an allergy is recorded by.
_GROUPS = {
    "gluten": "wheat,barley,rye,oats,oat,spelt,kamut,durum,semolina,couscous,bulgur,malt,triticale,seitan,bread,pasta",
    "crustaceans": "shrimp,prawn,crab,lobster,crayfish,krill,langoustine",
    "eggs": "egg,egg white,egg yolk,albumin,ovalbumin,lysozyme,mayonnaise",
    "fish": "tilapia,sambaza,indagara,nile perch,catfish,sardine,anchovy,cod,salmon,tuna,mackerel,haddock,trout,dagaa,omena",
    "peanuts": "peanut,groundnut,ubunyobwa,arachide,peanut butter,peanut oil",
    "soya": "soy,soybean,soya flour,tofu,edamame,soya lecithin,tempeh,miso",
    "milk": "whey,casein,caseinate,lactose,lactalbumin,lactoglobulin,butter,ghee,cream,cheese,yoghurt,yogurt,ikivuguto,whole milk,skim milk powder,milk protein,cow milk,goat milk",
    "nuts": "almond,hazelnut,walnut,cashew,pecan,brazil nut,pistachio,macadamia,tree nut",
    "celery": "celeriac,celery leaf,celery seed,celery salt",
    "mustard": "mustard seed,mustard oil,mustard leaf",
    "sesame": "sesame seed,sesame oil,tahini,simsim",
    "sulphites": "sulphite,sulfite,sulphur dioxide,sulfur dioxide,metabisulphite",
    "lupin": "lupin flour,lupin seed,lupine",
    "molluscs": "mussel,oyster,squid,octopus,snail,clam,scallop,cuttlefish",
}
_MEMBERS = ", ".join(f"('{group}', '{member}')" for group, said in _GROUPS.items() for member in said.split(","))

SQL = f"""
CREATE FUNCTION dus_words(said text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT CASE
               WHEN w LIKE '%oes' THEN left(w, -2)
               WHEN w LIKE '%ies' THEN left(w, -3) || 'y'
               WHEN w LIKE '%s' AND w NOT LIKE '%ss' THEN left(w, -1)
               ELSE w END), '{{}}')
    FROM regexp_split_to_table(lower(said), '[^[:alnum:]]+') AS w WHERE w <> ''
$$ SET search_path = pg_catalog, public, pg_temp;

CREATE TABLE allergen_member (
    group_code text NOT NULL,
    member text NOT NULL,
    words text[] GENERATED ALWAYS AS (dus_words(member)) STORED,
    PRIMARY KEY (group_code, member)
);
INSERT INTO allergen_member (group_code, member) VALUES {_MEMBERS};
CREATE INDEX allergen_member_words ON allergen_member (words);
GRANT SELECT ON allergen_member TO dus_app;

ALTER TABLE ingredient ADD COLUMN words text[] GENERATED ALWAYS AS (dus_words(name)) STORED;
CREATE INDEX diet_rule_texture ON diet_rule (hospital, diet) WHERE rule_kind = 'iddsi';

-- A hold as it counts at a moment: to the minute, start down and end up, a cancellation of the future not yet made,
-- a hold set late counted from when it was set.
CREATE FUNCTION dus_fasts(h int, p uuid, at timestamptz)
RETURNS TABLE (starts timestamptz, ends timestamptz, began timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT date_trunc('minute', f.said),
           least(date_trunc('minute', f.end_at + interval '59.999999 s'),
                 date_trunc('minute', f.cancelled + interval '59.999999 s')),
           f.said
    FROM (SELECT n.end_at,
                 CASE WHEN n.cancelled_at <= at THEN n.cancelled_at END AS cancelled,
                 CASE WHEN n.start_at < n.set_at AND (n.end_at IS NULL OR n.set_at < n.end_at)
                      THEN n.set_at ELSE n.start_at END AS said
          FROM npo_hold n WHERE n.hospital = h AND n.patient = p) f
    WHERE f.cancelled IS NULL OR f.cancelled >= date_trunc('minute', f.said);
END $$ SET search_path = pg_catalog, public, pg_temp;

-- One allergy made ready to match: the declared codes that speak of it, and the words of the ingredient it is.
CREATE TYPE dus_avoided AS (code text, severity text, names text[], words text[], is_declared boolean);
-- One objection to a dish, and the source that an override of it names.
CREATE TYPE dus_objection AS (dish uuid, source text, rule text, subject text, named text);

-- What a patient with allergies must not meet.
CREATE FUNCTION dus_avoids(h int, p uuid) RETURNS dus_avoided[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        WITH named AS MATERIALIZED (
            SELECT a.code, a.severity,
                   btrim(regexp_replace(replace(lower(btrim(a.code)), '_', ' '), '^ingredient:', '')) AS name
            FROM allergy a WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL
        ), grouped AS MATERIALIZED (
            SELECT n.*, (SELECT array_agg(m.member) FROM allergen_member m WHERE m.group_code = n.name) AS members FROM named n
        ), worded AS MATERIALIZED (
            SELECT g.*, CASE WHEN g.members IS NULL THEN dus_words(g.name) ELSE '{{}}' END AS words FROM grouped g
        ), known AS MATERIALIZED (
            SELECT w.*, coalesce(w.members, (SELECT array_agg(m.group_code) || array_agg(m.member) FROM allergen_member m
                                             WHERE m.words = w.words AND w.words <> '{{}}')) AS family
            FROM worded w
        )
        SELECT array_agg((k.code, k.severity, k.family || ARRAY[k.name, k.code],
                          CASE WHEN k.words <> '{{}}'
                                AND EXISTS (SELECT FROM ingredient i WHERE i.hospital = h AND i.words @> k.words)
                               THEN k.words END,
                          k.family IS NOT NULL)::dus_avoided)
        FROM known k);
END $$ SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan;

-- What the kitchen line of a dish carries over to it from the other dishes of that line.
CREATE FUNCTION dus_carries_over(h int, dishes uuid[], avoids dus_avoided[]) RETURNS dus_objection[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        WITH avoided AS MATERIALIZED (
            SELECT v.code, v.names, v.words FROM unnest(avoids) v WHERE v.severity IN ('anaphylaxis', 'severe')
        ), shared AS MATERIALIZED (
            SELECT w.id AS dish, n.id AS neighbour, n.label IS NULL AS has_recipe, n.label_allergens
            FROM dish w
            JOIN kitchen_line k ON k.hospital = h AND k.id = w.kitchen_line AND k.carries_over
            JOIN dish n ON n.hospital = h AND n.kitchen_line = k.id AND n.id <> w.id AND n.retired_at IS NULL
            WHERE w.hospital = h AND w.id = ANY (dishes)
        ), line AS MATERIALIZED (
            SELECT l.dish, l.ingredient FROM recipe_line l
            WHERE l.hospital = h AND l.dish = ANY (ARRAY(SELECT s.neighbour FROM shared s WHERE s.has_recipe))
        ), part AS MATERIALIZED (
            SELECT i.id, v.code FROM ingredient i JOIN avoided v ON i.allergens && v.names OR i.words @> v.words
            WHERE i.hospital = h AND i.id = ANY (ARRAY(SELECT l.ingredient FROM line l))
        )
        SELECT array_agg((c.dish, 'ALLERGY', 'cross_contact', c.code, 'ALLERGY')::dus_objection) FROM (
            SELECT s.dish, v.code FROM shared s JOIN avoided v ON s.label_allergens && v.names WHERE NOT s.has_recipe
            UNION
            SELECT s.dish, i.code FROM part i JOIN line l ON l.ingredient = i.id
            JOIN shared s ON s.neighbour = l.dish AND s.has_recipe
        ) c);
END $$ SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan;

-- What stands against serving some dishes to a patient; nothing found is the only 'allow'. VOLATILE on purpose: every
-- statement inside sees what was committed when it began, so that it can follow a lock. Planned once for a connection:
-- planning costs many times what running does. What few patients have is looked at only for those who have it, and
-- every table is reached by the keys at hand, so that no estimate can make a plan walk through a hospital.
CREATE FUNCTION dus_reasons(h int, p uuid, at timestamptz, serve_at timestamptz, day date, meal_period text, dishes uuid[])
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    told text[] := '{{}}';
    guard record;
    diet diet_order;
    counted int;
    last_bite timestamptz := greatest(at, serve_at);
    codes text[] := '{{}}';
    levels text[] := '{{}}';
    textures text[] := '{{}}';
    drinks int[] := '{{}}';
    drink int;
    is_textured boolean := false;
    orders_in_force int := 0;
    is_severe boolean := false;
    avoids dus_avoided[] := '{{}}';
    avoid dus_avoided;
    food record;
    seen uuid[] := '{{}}';
    against dus_objection[] := '{{}}';
BEGIN
    SELECT s.allergy_status, coalesce(s.uncoded_text, '') AS uncoded, s.constraint_count, s.safety_rev, t.zone,
           (SELECT a.id FROM admission a
            WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL
              AND EXISTS (SELECT FROM stay s WHERE s.hospital = h AND s.patient = p AND s.admission = a.id
                          AND s.ended_at IS NULL) LIMIT 1) AS stay_of,
           (SELECT count(*) FROM allergy a WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL) AS allergic,
           ARRAY(SELECT o FROM diet_order o WHERE o.hospital = h AND o.patient = p AND o.status = 'active') AS orders,
           EXISTS (SELECT FROM kitchen_line k WHERE k.hospital = h AND k.carries_over) AS carries, n.held, n.holds
    INTO guard
    FROM patient_safety s JOIN hospital t ON t.id = s.hospital,
         LATERAL (SELECT count(*) FILTER (WHERE n.cancelled_at IS NULL) AS held, count(*) AS holds FROM npo_hold n
                  WHERE n.hospital = h AND n.patient = p) n
    WHERE s.hospital = h AND s.patient = p;
    IF NOT FOUND THEN
        RETURN ARRAY['PATIENT.stranger'];
    END IF;
    IF guard.stay_of IS NULL THEN
        told := told || 'PATIENT.no_active_admission'::text;
    END IF;
    counted := guard.allergic + guard.held + cardinality(guard.orders);
    IF counted <> guard.constraint_count THEN
        told := told || 'PATIENT.rows_read'::text;
    END IF;
    IF guard.allergy_status = 'not_asked' THEN
        told := told || 'ALLERGY.not_asked'::text;
    ELSIF guard.allergy_status = 'none_known' AND guard.allergic > 0 THEN
        told := told || 'ALLERGY.none_known_with_rows'::text;
    ELSIF guard.allergy_status = 'recorded' AND guard.allergic = 0 AND guard.uncoded = '' THEN
        told := told || 'ALLERGY.recorded_without_rows'::text;
    END IF;
    IF guard.uncoded <> '' THEN
        told := told || 'ALLERGY.uncoded'::text;
    END IF;
    -- A look into a table is a statement of its own even where AND could spare it: few need one, so they are nested.
    IF guard.holds > 0 THEN
        IF EXISTS (SELECT FROM dus_fasts(h, p, at) f WHERE f.starts <= last_bite AND (f.ends IS NULL OR f.ends > at)) THEN
            told := told || 'NPO.hold'::text;
        END IF;
    END IF;

    -- The orders of this stay. In force: signed, covering now and the serving, not suspended by a hold that is over.
    FOREACH diet IN ARRAY guard.orders LOOP
        CONTINUE WHEN NOT coalesce(diet.admission = guard.stay_of AND diet.start_at <= at
                                   AND (diet.end_at IS NULL OR diet.end_at > at), false);
        drinks := CASE WHEN diet.drink_level IS NULL OR diet.drink_level = ANY (drinks) THEN drinks
                       ELSE drinks || diet.drink_level END;
        is_textured := is_textured OR coalesce(diet.food_level = 7, false);
        CONTINUE WHEN NOT coalesce(diet.signed_at <= at AND diet.start_at <= serve_at
                                   AND (diet.end_at IS NULL OR diet.end_at > serve_at), false);
        IF guard.holds > 0 THEN
            CONTINUE WHEN EXISTS (SELECT FROM dus_fasts(h, p, at) f
                                  WHERE f.ends <= at AND diet.signed_at < f.began AND diet.start_at < f.ends);
        END IF;
        orders_in_force := orders_in_force + 1;
        codes := codes || diet.codes;
        IF diet.food_level BETWEEN 3 AND 6 THEN
            IF NOT EXISTS (SELECT FROM unnest(diet.codes) x WHERE x LIKE 'IDDSI%') THEN
                codes := codes || ('IDDSI' || diet.food_level);
            END IF;
        END IF;
    END LOOP;
    IF orders_in_force = 0 AND guard.stay_of IS NOT NULL THEN
        told := told || 'DIET.no_active_order'::text;
    END IF;
    IF orders_in_force > 0 THEN
        SELECT told || coalesce(array_agg(DISTINCT 'DIET.unknown_code.' || c.code) FILTER (WHERE d.id IS NULL), '{{}}')
                    || coalesce(array_agg(DISTINCT 'DIET.nothing.' || c.code) FILTER (WHERE d.kind = 'hold'), '{{}}'),
               coalesce(array_agg(DISTINCT r.subject) FILTER (WHERE r.diet IS NOT NULL), '{{}}'),
               coalesce(array_agg(DISTINCT d.code) FILTER (WHERE r.diet IS NOT NULL), '{{}}')
        INTO told, levels, textures
        FROM unnest(codes) AS c(code)
        LEFT JOIN (SELECT d.id, d.code, d.kind FROM diet d WHERE d.hospital = h AND d.code = ANY (codes)) d ON d.code = c.code
        LEFT JOIN diet_rule r ON r.hospital = h AND r.diet = d.id AND r.rule_kind = 'iddsi';
    END IF;

    -- Texture: two axes; two food levels, or two drink levels, contradict each other.
    IF is_textured AND NOT '7' = ANY (levels) THEN
        levels := levels || 'regular'::text;
        textures := textures || 'IDDSI'::text;
    END IF;
    is_textured := cardinality(levels) > 0;
    IF cardinality(levels) > 1 THEN
        told := told || 'IDDSI.contradiction'::text;
    END IF;
    IF cardinality(drinks) > 1 THEN
        told := told || 'IDDSI.unknown_drink_level'::text;
    ELSE
        drink := drinks[1];
    END IF;

    IF guard.allergic > 0 THEN
        avoids := dus_avoids(h, p);
    END IF;
    FOREACH avoid IN ARRAY avoids LOOP
        IF NOT avoid.is_declared AND avoid.words IS NULL THEN
            told := told || ('ALLERGY.uncoded.' || avoid.code);
        END IF;
        is_severe := is_severe OR avoid.severity IN ('anaphylaxis', 'severe');
    END LOOP;
    FOR food IN
        WITH line AS MATERIALIZED (
            SELECT l.dish, l.ingredient FROM recipe_line l WHERE l.hospital = h AND l.dish = ANY (dishes)
        ), part AS MATERIALIZED (
            SELECT i.id, i.allergens, i.may_contain, i.declared_on, i.words FROM ingredient i
            WHERE i.hospital = h AND i.id = ANY (ARRAY(SELECT l.ingredient FROM line l))
        ), made AS (
            SELECT l.dish, bool_and(i.allergens IS NOT NULL AND i.declared_on IS NOT NULL) AS is_declared,
                   min(i.declared_on) AS declared_on,
                   array_agg(v.code) FILTER (WHERE i.allergens && v.names OR i.words @> v.words) AS contains,
                   array_agg(v.code) FILTER (WHERE i.may_contain && v.names) AS traces
            FROM line l JOIN part i ON i.id = l.ingredient LEFT JOIN unnest(avoids) AS v ON true GROUP BY l.dish
        )
        SELECT d.id, d.code, d.label IS NULL AS has_recipe, d.retired_at, d.iddsi_achievable AS achievable,
               CASE WHEN d.iddsi_native ~ '^D[0-9]' THEN substr(d.iddsi_native, 2, 1)::int ELSE -1 END AS native_drink,
               d.iddsi_native LIKE 'D%' AND d.category NOT IN ('porridge', 'soup') AS is_drink,
               d.category IN ('porridge', 'soup') AS is_liquid_food,
               (d.recipe_changed_at AT TIME ZONE guard.zone)::date AS revised_on,
               d.label_allergens, d.label_may_contain, d.label_declared_on, m.is_declared, m.declared_on, m.contains, m.traces
        FROM dish d LEFT JOIN made m ON m.dish = d.id WHERE d.hospital = h AND d.id = ANY (dishes)
    LOOP
        seen := seen || food.id;
        IF food.retired_at IS NOT NULL THEN
            against := against || (food.id, 'DISH', 'unknown_dish', '', 'DISH')::dus_objection;
        END IF;
        IF NOT coalesce(CASE WHEN food.has_recipe THEN food.is_declared AND food.declared_on >= food.revised_on
                             ELSE food.label_allergens IS NOT NULL AND food.label_declared_on >= food.revised_on END, false) THEN
            against := against || (food.id, 'DISH', 'declaration', food.code, 'DISH')::dus_objection;
        END IF;
        IF cardinality(levels) = 1 AND NOT food.is_drink
           AND NOT (CASE levels[1] WHEN 'regular' THEN 7 WHEN '7' THEN 6 ELSE levels[1]::int END = ANY (food.achievable)) THEN
            against := against || ARRAY(SELECT (food.id, 'IDDSI', 'iddsi', CASE levels[1] WHEN 'regular' THEN '7' ELSE levels[1] END,
                                                t.code)::dus_objection FROM unnest(textures) AS t(code));
        END IF;
        IF (food.is_drink OR food.is_liquid_food) AND cardinality(drinks) <= 1 THEN
            IF drink IS NULL AND is_textured THEN
                against := against || (food.id, 'IDDSI', 'drink_level_unset', 'drink', 'IDDSI')::dus_objection;
            ELSIF drink IS NOT NULL AND NOT (drink = ANY (food.achievable) OR drink = food.native_drink) THEN
                against := against || (food.id, 'IDDSI', 'drink', drink, 'IDDSI')::dus_objection;
            END IF;
        END IF;
        FOREACH avoid IN ARRAY avoids LOOP
            IF coalesce(CASE WHEN food.has_recipe THEN avoid.code = ANY (food.contains)
                             ELSE food.label_allergens && avoid.names END, false) THEN
                against := against || (food.id, 'ALLERGY', 'contains', avoid.code, 'ALLERGY')::dus_objection;
                CONTINUE;
            END IF;
            IF avoid.severity <> 'intolerance'
               AND coalesce(CASE WHEN food.has_recipe THEN avoid.code = ANY (food.traces)
                                 ELSE food.label_may_contain && avoid.names END, false) THEN
                against := against || (food.id, 'ALLERGY', 'may_contain', avoid.code, 'ALLERGY')::dus_objection;
            END IF;
            IF NOT food.has_recipe AND NOT avoid.is_declared AND avoid.words IS NOT NULL THEN
                against := against || (food.id, 'ALLERGY', 'no_recipe', avoid.code, 'ALLERGY')::dus_objection;
            END IF;
        END LOOP;
    END LOOP;
    IF NOT dishes <@ seen THEN
        against := against || ARRAY(SELECT (u.id, 'DISH', 'unknown_dish', '', 'DISH')::dus_objection
                                    FROM unnest(dishes) AS u(id) WHERE NOT u.id = ANY (seen));
    END IF;
    IF is_severe AND guard.carries THEN
        against := against || ARRAY(
            SELECT c FROM unnest(dus_carries_over(h, dishes, avoids)) c WHERE NOT EXISTS (
                SELECT FROM unnest(against) a WHERE a.dish = c.dish AND a.subject = c.subject AND a.rule = 'contains'));
    END IF;
    IF cardinality(against) = 0 THEN
        RETURN told;
    END IF;

    -- But for what an override that counts sets aside.
    RETURN told || ARRAY(
        SELECT DISTINCT a.source || '.' || a.rule || '.' || a.subject || '@' || a.dish FROM unnest(against) a
        WHERE NOT EXISTS (
            SELECT FROM diet_override r
            WHERE r.hospital = h AND r.patient = p AND r.day = dus_reasons.day AND r.period = meal_period AND r.dish = a.dish
              AND r.source = a.named AND r.rule = a.rule AND r.subject = a.subject AND r.scope = 'item'
              AND r.withdrawn_at IS NULL AND r.safety_rev = guard.safety_rev AND r.given_at <= at AND r.expires_at > at
              AND CASE WHEN a.source = 'ALLERGY' AND a.rule IN ('contains', 'may_contain', 'cross_contact')
                       THEN r.seconded_by IS NOT NULL AND r.seconded_by <> r.given_by
                            AND NOT EXISTS (SELECT FROM allergy y WHERE y.hospital = h AND y.patient = p
                                            AND y.code = a.subject AND y.ended_at IS NULL AND y.severity = 'anaphylaxis')
                       ELSE a.source = 'IDDSI' AND a.rule IN ('iddsi', 'drink') END));
END $$ SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan;

-- What stands against one order's tray at a moment.
CREATE FUNCTION dus_order_reasons(h int, wanted uuid, at timestamptz) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    tray record;
    told text[] := '{{}}';
BEGIN
    SELECT o.patient, o.serve_from, o.day, o.period,
           (SELECT array_agg(l.dish) FROM order_line l
            WHERE l.hospital = h AND l.meal_order = wanted AND l.replaced_at IS NULL) AS dishes,
           EXISTS (SELECT FROM admission a WHERE a.hospital = h AND a.id = o.admission AND a.patient = o.patient
                   AND a.ended_at IS NULL) AS is_of_this_stay
    INTO tray
    FROM meal_order o WHERE o.hospital = h AND o.id = wanted;
    IF NOT FOUND THEN
        RETURN ARRAY['ORDER.stranger'];
    END IF;
    IF tray.dishes IS NULL THEN
        told := told || 'DISH.empty_tray'::text;
    END IF;
    IF NOT tray.is_of_this_stay THEN
        told := told || 'ORDER.another_stay'::text;
    END IF;
    RETURN told
        || dus_reasons(h, tray.patient, at, greatest(tray.serve_from, at), tray.day, tray.period, tray.dishes);
END $$ SET search_path = pg_catalog, public, pg_temp;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
